//! Mistakes in a configuration file, several at once, each with its place.

use super::tree::At;
use crate::output::foreign;
use std::fmt;
use std::path::PathBuf;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: At,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

/// Everything that is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// Which file.
    pub file: PathBuf,
    /// Its text, to show the lines.
    pub text: String,
    /// The mistakes, in file order.
    pub list: Vec<Problem>,
}

/// Collects mistakes while a file is read.
#[derive(Debug, Default)]
pub struct Mistakes(pub Vec<Problem>);

impl Mistakes {
    /// Notes a mistake.
    pub fn add(&mut self, at: At, message: impl Into<String>) {
        self.0.push(Problem { at, message: message.into(), hint: None });
    }

    /// Notes a mistake and what would be right.
    pub fn add_with_hint(&mut self, at: At, message: impl Into<String>, hint: impl Into<String>) {
        self.0.push(Problem { at, message: message.into(), hint: Some(hint.into()) });
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display().to_string();
        let file = foreign::line(&file);
        for (number, problem) in self.list.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            let At { line, column } = problem.at;
            if line == 0 {
                write!(f, "{file}: {}", foreign::message(&problem.message))?;
            } else {
                write!(f, "{file}:{line}:{column}: {}", foreign::message(&problem.message))?;
                self.excerpt(f, problem.at)?;
            }
            if let Some(hint) = &problem.hint {
                write!(f, "\n  hint: {}", foreign::message(hint))?;
            }
        }
        Ok(())
    }
}

impl Problems {
    fn excerpt(&self, f: &mut fmt::Formatter<'_>, at: At) -> fmt::Result {
        /// Longer lines are cut: a file may be one line of JSON.
        const SHOWN: usize = 100;
        let Some(line) = self.text.lines().nth(at.line - 1) else { return Ok(()) };
        // A literal value on the line may be a secret that should not be there; never show values of `value`.
        let line: String = masked(line).chars().take(SHOWN).collect();
        let number = at.line.to_string();
        let margin = " ".repeat(number.len());
        write!(f, "\n  {number} | {}", foreign::line(&line.replace('\t', " ")))?;
        if at.column <= SHOWN {
            write!(f, "\n  {margin} | {}^", " ".repeat(at.column.saturating_sub(1)))?;
        }
        Ok(())
    }
}

/// The text behind `value:` and `password:` is not repeated in errors.
fn masked(line: &str) -> String {
    for key in ["value:", "value =", "\"value\":", "password:", "password ="] {
        if let Some((before, after)) = line.split_once(key)
            && !after.trim().is_empty()
        {
            return format!("{before}{key} ***");
        }
    }
    line.to_owned()
}
