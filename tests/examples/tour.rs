//! A tour of kvreg: one process in which C++, C and Python share one registry, and what it is good for.
//!
//! `cargo run --release --example tour [file]` does everything: it builds the Python module, compiles the host
//! program (tour/host.cpp, with threads in C, and Python inside) against the library that cargo has just built, runs
//! it, and draws what came out. The file is a list of packages, /var/lib/dpkg/status unless you name another one.

#[path = "tour/plot.rs"]
mod plot;
#[path = "../support/mod.rs"]
mod support;

use plot::{Bar, Plot, grouped};
use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use support::failure::{At, Failure, Outcome};
use support::layout::Layout;
use support::run::Run;
use support::tool::{Tool, need};
use support::{compile, embed, wheel};

const DEBIAN_PACKAGES: &str = "/var/lib/dpkg/status";

/// What the text that is re-created here measured, in requests per second.
const TEXT_MAILBOX_1: f64 = 140_000.0;
const TEXT_MAILBOX_100: f64 = 280_000.0;
const TEXT_ETS_100: f64 = 1_823_739.0;

fn main() -> ExitCode {
    match tour() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nThe tour failed.\n{failure}");
            ExitCode::FAILURE
        }
    }
}

fn tour() -> Outcome {
    let layout = Layout::find()?;
    println!("kvreg {}: one process, one registry, three languages\n", env!("CARGO_PKG_VERSION"));
    need(&[Tool::Cc, Tool::Cxx, Tool::Python, Tool::Venv, Tool::Embedding])?;
    if cfg!(debug_assertions) {
        println!("   This is a debug build: add --release for figures that mean something.");
    }
    let venv =
        step("the Python module (the first time takes a minute or two)", || wheel::installed(&layout))?;
    let embedding = embed::ask(&venv.program("python"))?;
    let host = step("the host, from C and C++", || build_host(&layout, &embedding))?;

    let packages = std::env::args_os().nth(1).map_or_else(|| default_packages(&layout), PathBuf::from);
    let results = host.with_file_name("results.txt");
    let status = Run::new(&host)
        .arg(&packages)
        .arg(&embedding.home)
        .arg(venv.site_packages()?)
        .arg(sources(&layout).join("questions.py"))
        .arg(&results)
        .shown()?;
    if !status.success() {
        return Err(Failure::new(format!("the host failed ({status}); what it found wrong stands above")));
    }
    let results = read_results(&results)?;
    let picture = layout.target.join("tour.svg");
    fs::write(&picture, draw(&results)?).at("write", &picture)?;
    summary(&layout, &results, &picture)
}

/// Says what is being done before it is done, and how long it took after.
fn step<T>(what: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    print!("   building {what} ... ");
    // A terminal that cannot be written to is noticed by the lines that follow.
    let _ = std::io::stdout().flush();
    let start = Instant::now();
    let done = work();
    println!(
        "{}",
        if done.is_ok() { format!("{:.1} s", start.elapsed().as_secs_f64()) } else { "failed".into() }
    );
    done
}

fn sources(layout: &Layout) -> PathBuf {
    layout.root.join("tests/examples/tour")
}

/// Not every system has Debian's list; this project always has a list of its own.
fn default_packages(layout: &Layout) -> PathBuf {
    let debian = PathBuf::from(DEBIAN_PACKAGES);
    if debian.is_file() { debian } else { layout.root.join("Cargo.lock") }
}

/// Compiles the parts in C as C and the host as C++, and links them with the library and with Python.
fn build_host(layout: &Layout, embedding: &embed::Embedding) -> Outcome<PathBuf> {
    let folder = layout.scratch("tour")?;
    let sources = sources(layout);
    let warnings = ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread"];
    let mut objects = Vec::new();
    for part in ["reader", "profiler"] {
        let object = folder.join(part).with_extension("o");
        Run::new(Tool::Cc.find()?)
            .args(["-std=c11", "-c"])
            .args(warnings)
            .arg("-I")
            .arg(layout.include())
            .arg(sources.join(part).with_extension("c"))
            .arg("-o")
            .arg(&object)
            .quiet()?;
        objects.push(object);
    }
    let host = folder.join("host");
    Run::new(Tool::Cxx.find()?)
        .arg("-std=c++17")
        .args(warnings)
        .arg("-I")
        .arg(layout.include())
        .args(&embedding.compile)
        .arg(sources.join("host.cpp"))
        .args(&objects)
        .arg("-o")
        .arg(&host)
        .args(compile::shared_flags(&layout.native()?))
        .args(&embedding.link)
        .quiet()?;
    Ok(host)
}

/// What the host wrote down: a word and a number per line.
fn read_results(file: &Path) -> Outcome<HashMap<String, f64>> {
    let text = fs::read_to_string(file).at("read", file)?;
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    Ok(pairs.filter_map(|(name, number)| Some((name.to_string(), number.parse().ok()?))).collect())
}

fn result(results: &HashMap<String, f64>, name: &str) -> Outcome<f64> {
    results.get(name).copied().ok_or_else(|| Failure::new(format!("the host left no result `{name}`")))
}

fn draw(results: &HashMap<String, f64>) -> Outcome<String> {
    let theirs = |label: &str, value| Bar { label: label.to_string(), value, ours: false };
    let ours = |label: &str, name| -> Outcome<Bar> {
        Ok(Bar { label: label.to_string(), value: result(results, name)?, ours: true })
    };
    let bars = [
        theirs("the text, mailbox, 1 client", TEXT_MAILBOX_1),
        theirs("the text, mailbox, 100 clients", TEXT_MAILBOX_100),
        theirs("the text, ETS, 100 clients", TEXT_ETS_100),
        ours("kvreg, name made in the loop, 1 client", "made_1")?,
        ours("kvreg, name made in the loop, 100 clients", "made_100")?,
        ours("kvreg, names ready, 1 client", "ready_1")?,
        ours("kvreg, names ready, 100 clients", "ready_100")?,
    ];
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let note = format!(
        "The text's figures are its author's, from another machine; kvreg's are medians from this one \
         ({processors} processors)."
    );
    let plot = Plot {
        title: "The profiler of \u{201c}Elixir in Action\u{201d}: requests per second",
        subtitle: "100 names, 100,000 requests per client; logarithmic scale, further right is faster",
        note: &note,
        bars: &bars,
    };
    Ok(plot.svg())
}

fn summary(layout: &Layout, results: &HashMap<String, f64>, picture: &Path) -> Outcome {
    let get = |name: &str| result(results, name);
    let millions = |name: &str| get(name).map(|number| format!("{:.1} M", number / 1e6));
    println!("\nWhat you have seen");
    println!(
        "   C++      made {} buckets with {} typed values in {:.1} ms",
        grouped(get("buckets")?),
        grouped(get("values")?),
        get("load_ms")?
    );
    println!(
        "   C        looked up {} names meanwhile, {} a second, none wrong",
        grouped(get("lookups")?),
        millions("lookup_rate")?
    );
    println!("   Python   joined the same registry, asked it, added two buckets, stopped one; all saw it");
    println!(
        "   speed    100 clients: {} requests a second with the name made in the loop, {} with names ready",
        millions("made_100")?,
        millions("ready_100")?
    );
    println!("   picture  {}", layout.short(picture));
    Ok(())
}
