//! Builds the library again in other forms, each in a target folder of its own, and runs the tests that need them.

use std::path::Path;
use std::process::Command;

fn cargo(folder: &str, arguments: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(arguments)
        .env("CARGO_TARGET_DIR", root.join("target").join(folder))
        .output()
        .expect("cargo runs, since it runs this");
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    println!("cargo {}\n{out}{err}", arguments.join(" "));
    assert!(run.status.success());
    assert!(out.contains("test result: ok. ") && !out.contains("ok. 0 passed"), "no test was run");
}

#[test]
fn with_test_hooks() {
    cargo(
        "hooks",
        &[
            "test",
            "--features",
            "test-hooks",
            "--test",
            "hooks",
            "--test",
            "load_hooks",
            "--test",
            "many",
            "--test",
            "times_hooks",
            "--test",
            "model",
        ],
    );
}
