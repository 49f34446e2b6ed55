//! Draws horizontal bars on a logarithmic scale, as SVG.

use std::fmt::Write;

/// One bar.
pub(crate) struct Bar {
    /// What it stands for.
    pub(crate) label: String,
    /// Its length; positive.
    pub(crate) value: f64,
    /// Which of the two colours: `true` for what the plot is about, `false` for what it is compared with.
    pub(crate) ours: bool,
}

/// A plot with its words.
pub(crate) struct Plot<'a> {
    /// The line at its top.
    pub(crate) title: &'a str,
    /// The line below that.
    pub(crate) subtitle: &'a str,
    /// The line at its bottom, which says what the reader must know to read it rightly.
    pub(crate) note: &'a str,
    /// From top to bottom.
    pub(crate) bars: &'a [Bar],
}

const WIDTH: f64 = 900.0;
const LEFT: f64 = 310.0;
/// Room for the figure after the longest bar.
const RIGHT: f64 = 110.0;
const TOP: f64 = 92.0;
const ROW: f64 = 40.0;
const BAR: f64 = 22.0;
const BOTTOM: f64 = 76.0;

/// The card has a colour of its own, so that the text can be read on any page; where the viewer knows that the
/// page is dark, the card is dark too.
const STYLE: &str = "\
.card{fill:#ffffff;stroke:#d0d7de}.text{fill:#1f2328}.soft{fill:#59636e}.line{stroke:#d0d7de}\
.ours{fill:#0b6e99}.theirs{fill:#8c959f}\
@media(prefers-color-scheme:dark){.card{fill:#151b23;stroke:#3d444d}.text{fill:#f0f6fc}.soft{fill:#9198a1}\
.line{stroke:#3d444d}.ours{fill:#4cb3dd}.theirs{fill:#757d87}}";

impl Plot<'_> {
    /// The whole picture.
    pub(crate) fn svg(&self) -> String {
        let (first, last) = self.decades();
        let x = |value: f64| {
            let share = (value.log10() - first) / (last - first);
            LEFT + share * (WIDTH - LEFT - RIGHT)
        };
        let floor = TOP + ROW * self.bars.len() as f64;
        let height = floor + BOTTOM;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" font-family=\"system-ui,'DejaVu Sans',Verdana,sans-serif\" role=\"img\">\n\
             <title>{}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"card\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
            escape(self.title),
            WIDTH - 1.0,
            height - 1.0
        );
        text(&mut svg, (24.0, 36.0), "text", "font-size=\"19\" font-weight=\"600\"", self.title);
        text(&mut svg, (24.0, 60.0), "soft", "font-size=\"13\"", self.subtitle);
        let mut decade = first;
        while decade <= last {
            let at = x(10_f64.powf(decade));
            let _ = writeln!(svg, "<path class=\"line\" d=\"M{at:.1} {:.1}V{floor:.1}\"/>", TOP - 6.0);
            text(
                &mut svg,
                (at, floor + 18.0),
                "soft",
                "font-size=\"12\" text-anchor=\"middle\"",
                &round(decade),
            );
            decade += 1.0;
        }
        for (bar, row) in self.bars.iter().zip(0_u32..) {
            let top = TOP + ROW * f64::from(row) + (ROW - BAR) / 2.0;
            let (end, base) = (x(bar.value), top + BAR / 2.0 + 4.5);
            let class = if bar.ours { "ours" } else { "theirs" };
            text(&mut svg, (LEFT - 12.0, base), "text", "font-size=\"13\" text-anchor=\"end\"", &bar.label);
            let _ = writeln!(
                svg,
                "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"3\"/>",
                end - LEFT
            );
            text(&mut svg, (end + 8.0, base), "text", "font-size=\"13\"", &grouped(bar.value));
        }
        text(&mut svg, (24.0, height - 20.0), "soft", "font-size=\"12\"", self.note);
        svg.push_str("</svg>\n");
        svg
    }

    /// The powers of ten that hold all bars. A bar has no zero to begin at on such a scale, so it begins a whole
    /// power below the shortest one, which then still has a length.
    fn decades(&self) -> (f64, f64) {
        let values = self.bars.iter().map(|bar| bar.value.log10());
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::NEG_INFINITY, f64::max);
        let first = least.floor() - if least.fract() < 0.3 { 1.0 } else { 0.0 };
        (first, most.ceil().max(first + 1.0))
    }
}

/// 1234567 as 1,234,567.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (digit, left) in digits.chars().zip((0..digits.len()).rev()) {
        text.push(digit);
        if left > 0 && left % 3 == 0 {
            text.push(',');
        }
    }
    text
}

fn round(decade: f64) -> String {
    let value = 10_f64.powf(decade);
    let (value, unit) = match value {
        1e9.. => (value / 1e9, " G"),
        1e6.. => (value / 1e6, " M"),
        1e3.. => (value / 1e3, " K"),
        _ => (value, ""),
    };
    format!("{value:.0}{unit}")
}

fn text(svg: &mut String, (x, y): (f64, f64), class: &str, how: &str, words: &str) {
    let _ = writeln!(svg, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" {how}>{}</text>", escape(words));
}

fn escape(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
