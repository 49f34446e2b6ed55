//! Every program in README.md does what it is shown to do: it compiles without a warning and runs without an error.
//!
//! The blocks in C, C++ and Python are whole programs. One whose first line is a comment with the word `fragment`
//! in it is left out.
#![cfg(feature = "capi")]

mod support;

use std::fs;
use support::compile::{Language, Link, program};
use support::failure::{At, Failure, Outcome};
use support::layout::Layout;
use support::run::Run;
use support::sanitizer;
use support::tool::{Tool, need};
use support::wheel;

/// A fenced block of code.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    /// The line of its first line of code, from 1.
    line: usize,
    code: String,
}

fn blocks(readme: &str, tag: &str) -> Outcome<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut lines = readme.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let mut code = String::new();
        let closed = lines.by_ref().map(|(line, _)| line).take_while(|line| line.trim() != "```");
        for line in closed {
            code.push_str(line);
            code.push('\n');
        }
        if info.split_whitespace().next() == Some(tag) && !is_fragment(&code) {
            blocks.push(Block { line: number + 1, code });
        }
    }
    if blocks.is_empty() {
        Err(Failure::new(format!("README.md shows no whole program in {tag}")))
    } else {
        Ok(blocks)
    }
}

fn is_fragment(code: &str) -> bool {
    let first = code.lines().next().unwrap_or_default().trim();
    ["//", "/*", "#"].iter().any(|mark| first.starts_with(mark)) && first.contains("fragment")
}

fn readme(layout: &Layout) -> Outcome<String> {
    let path = layout.root.join("README.md");
    fs::read_to_string(&path).at("read", &path)
}

fn run_compiled(language: Language) -> Outcome {
    need(&[language.compiler()])?;
    let layout = Layout::find()?;
    let ending = language.folder();
    let folder = layout.scratch(&format!("readme-{ending}"))?;
    for block in blocks(&readme(&layout)?, ending)? {
        let name = format!("line{}", block.line);
        let source = folder.join(format!("{name}.{ending}"));
        fs::write(&source, &block.code).at("write", &source)?;
        let program = program(&layout, language, &source, &format!("readme-{ending}/{name}"), Link::Shared);
        program
            .and_then(|program| Run::new(program).folder(&folder).quiet())
            .map_err(|failure| at(&block, failure))?;
    }
    Ok(())
}

fn at(block: &Block, failure: Failure) -> Failure {
    Failure::new(format!("the program at line {} of README.md: {failure}", block.line))
}

#[test]
fn the_c_programs_run() -> Outcome {
    run_compiled(Language::C)
}

#[test]
fn the_cpp_programs_run() -> Outcome {
    run_compiled(Language::Cpp)
}

#[test]
fn the_python_programs_run() -> Outcome {
    need(&[Tool::Python, Tool::Venv])?;
    let layout = Layout::find()?;
    let blocks = blocks(&readme(&layout)?, "python")?;
    let venv = wheel::installed(&layout)?;
    let folder = layout.scratch("readme-python")?;
    for block in blocks {
        let source = folder.join(format!("line{}.py", block.line));
        fs::write(&source, &block.code).at("write", &source)?;
        let run = sanitizer::preloaded(venv.python())?.folder(&folder).args(["-W", "error"]).arg(&source);
        run.quiet().map_err(|failure| at(&block, failure))?;
    }
    Ok(())
}

#[test]
fn blocks_are_found_by_language_and_fragments_left_out() -> Outcome {
    let readme = "text\n```c\nint a;\n```\n```cpp\nint b;\n```\n  ```c linenos\n/* a fragment */\nint c;\n  ```\n\
                  ```\nint d;\n```\n```c\nint fragment;\nint e;\n```\n";
    let expected = [(3, "int a;\n"), (16, "int fragment;\nint e;\n")];
    let expected = expected.map(|(line, code)| Block { line, code: code.to_string() });
    assert_eq!(blocks(readme, "c")?, expected);
    assert_eq!(blocks(readme, "cpp")?.len(), 1);
    assert!(blocks(readme, "python").is_err(), "a language without a program must be reported");
    Ok(())
}
