//! Reads the generated C header: its functions with their comments, its constants, its function table.
//!
//! It knows the shape that cbindgen gives that one file, not C. What it does not understand it reports, so that a
//! function cannot slip through unread.

use super::failure::{Failure, Outcome};

/// What every exported function's declaration begins with.
const EXPORT: &str = "KVREG_API";

/// A declared function.
#[derive(Debug)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// Its declaration, with single blanks and without the export word.
    pub(crate) declaration: String,
    /// The lines of its comment, without stars.
    pub(crate) comment: Vec<String>,
}

/// All functions in the order of the header.
pub(crate) fn functions(header: &str) -> Outcome<Vec<Function>> {
    let mut functions = Vec::new();
    let mut comment = Vec::new();
    let mut lines = header.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("/**") {
            comment = comment_lines(line, &mut lines)?;
        } else if line == EXPORT || line.starts_with("KVREG_API ") {
            let mut text = line.to_string();
            while !text.ends_with(';') {
                let next = lines.next().ok_or_else(|| Failure::new(format!("no end of: {text}")))?;
                text.push(' ');
                text.push_str(next);
            }
            let declaration = single_blanks(text.trim_start_matches(EXPORT));
            let name =
                name_of(&declaration).ok_or_else(|| Failure::new(format!("no name in: {declaration}")))?;
            functions.push(Function { name, declaration, comment: std::mem::take(&mut comment) });
        } else if !line.trim().is_empty() {
            // A comment belongs to what stands right below it.
            comment.clear();
        }
    }
    if functions.is_empty() { Err(Failure::new("the header declares no function")) } else { Ok(functions) }
}

/// The functions of the table, each as the declaration that the function itself must have.
pub(crate) fn table(header: &str) -> Outcome<Vec<String>> {
    let body = header
        .split_once("typedef struct kvreg_api {")
        .and_then(|(_, rest)| rest.split_once("} kvreg_api;"))
        .map(|(body, _)| body)
        .ok_or_else(|| Failure::new("the header has no struct kvreg_api"))?;
    let mut entries = Vec::new();
    let mut comment = Vec::new();
    let mut text = String::new();
    let mut lines = body.lines();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if line.starts_with("/**") {
            comment = comment_lines(line, &mut lines)?;
            continue;
        }
        text.push_str(line);
        text.push(' ');
        if !line.ends_with(';') {
            continue;
        }
        let member = single_blanks(&std::mem::take(&mut text));
        if let Some((before, rest)) = member.split_once("(*") {
            let (_, parameters) =
                rest.split_once(')').ok_or_else(|| Failure::new(format!("odd: {member}")))?;
            // The field drops the prefix and may dodge a keyword; its comment gives the function's full name.
            let name = comment.join("");
            entries.push(single_blanks(&format!("{before}{}{parameters}", name.trim_matches('`'))));
        }
    }
    if entries.is_empty() { Err(Failure::new("the table has no function")) } else { Ok(entries) }
}

/// The constants that are whole numbers, in the order of the header.
pub(crate) fn constants(header: &str) -> Vec<(String, i64)> {
    let defines = header.lines().filter_map(|line| line.strip_prefix("#define "));
    let pairs = defines.filter_map(|define| define.split_once(' '));
    pairs.filter_map(|(name, value)| Some((name.to_string(), value.trim().parse().ok()?))).collect()
}

fn comment_lines<'a>(first: &str, lines: &mut impl Iterator<Item = &'a str>) -> Outcome<Vec<String>> {
    let mut comment = Vec::new();
    let mut line = first.trim().trim_start_matches("/**");
    loop {
        let (text, ended) = match line.split_once("*/") {
            Some((text, _)) => (text, true),
            None => (line, false),
        };
        let text = text.trim().trim_start_matches('*').trim();
        if !text.is_empty() {
            comment.push(text.to_string());
        }
        if ended {
            return Ok(comment);
        }
        line = lines.next().ok_or_else(|| Failure::new("a comment does not end"))?;
    }
}

/// The word before the first parenthesis.
fn name_of(declaration: &str) -> Option<String> {
    let before = declaration.split_once('(')?.0.trim_end();
    let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '_')? + 1;
    before.get(start..).filter(|name| !name.is_empty()).map(str::to_string)
}

fn single_blanks(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
