//! Mistakes in a configuration file, several at once, each with its place.

use super::tree::At;
use crate::output::foreign;
use std::fmt;
use std::path::PathBuf;

/// A mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, where it is another one than that of the configuration: its lines are not shown.
    pub file: Option<PathBuf>,
    /// Where.
    pub at: At,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
    /// How many characters are shown from there on, where what follows on the line may be a secret.
    pub shown: Option<usize>,
}

/// Everything that is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The file.
    pub file: PathBuf,
    /// Text of the file, to show the lines.
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
        let message = message.into();
        self.0.push(Problem { file: None, at, message, hint: None, shown: None });
    }

    /// Notes a mistake and what would be right.
    pub fn add_with_hint(&mut self, at: At, message: impl Into<String>, hint: impl Into<String>) {
        let (message, hint) = (message.into(), Some(hint.into()));
        self.0.push(Problem { file: None, at, message, hint, shown: None });
    }

    /// Notes a mistake; where a secret may follow on its line, only so many characters are shown from there.
    pub fn note(&mut self, at: At, message: impl Into<String>, hint: Option<String>, shown: Option<usize>) {
        self.0.push(Problem { file: None, at, message: message.into(), hint, shown });
    }

    /// Each mistake once, in the order of the file; those of other files come last.
    pub fn in_order(self) -> Vec<Problem> {
        let mut list: Vec<Problem> = Vec::new();
        for problem in self.0 {
            if !list.contains(&problem) {
                list.push(problem);
            }
        }
        list.sort_by(|a, b| (&a.file, a.at).cmp(&(&b.file, b.at)));
        list
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.list.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            let file = problem.file.as_ref().unwrap_or(&self.file).display().to_string();
            let file = foreign::line(&file);
            let message = foreign::message(&problem.message);
            match (problem.at, &problem.file) {
                (At { line: 0, .. }, _) => write!(f, "{file}: {message}")?,
                (At { line, .. }, Some(_)) => write!(f, "{file}:{line}: {message}")?,
                (At { line, column }, None) => {
                    write!(f, "{file}:{line}:{column}: {message}")?;
                    self.excerpt(f, problem)?;
                }
            }
            if let Some(hint) = &problem.hint {
                write!(f, "\n  hint: {}", foreign::message(hint))?;
            }
        }
        Ok(())
    }
}

impl Problems {
    fn excerpt(&self, f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
        /// Longer lines are cut: a file may be one line of JSON.
        const SHOWN: usize = 100;
        let at = problem.at;
        let Some(line) = self.text.lines().nth(at.line - 1) else { return Ok(()) };
        // A literal value on the line may be a secret that should not be there; never show values of `value`.
        let line = match problem.shown {
            Some(shown) => masked_from(line, at.column + shown),
            None => masked(line),
        };
        let line: String = line.chars().take(SHOWN).collect();
        let number = at.line.to_string();
        let margin = " ".repeat(number.len());
        write!(f, "\n  {number} | {}", foreign::line(&line.replace('\t', " ")))?;
        if at.column <= SHOWN {
            write!(f, "\n  {margin} | {}^", " ".repeat(at.column.saturating_sub(1)))?;
        }
        Ok(())
    }
}

/// Nothing from a column on is repeated.
fn masked_from(line: &str, column: usize) -> String {
    let before: String = line.chars().take(column.saturating_sub(1)).collect();
    format!("{}***", masked(&before))
}

/// The text behind `value:`, `password:` and the like is not repeated in errors, however they are written.
fn masked(line: &str) -> String {
    const KEYS: [&str; 4] = ["value", "password", "api_token", "health_check_headers"];
    let behind = |key: &str| {
        line.match_indices(key).find_map(|(at, _)| {
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let end = at + key.len();
            let whole = !line[..at].ends_with(word) && !line[end..].starts_with(word);
            let rest = line[end..].trim_start_matches(['"', '\'']).trim_start();
            let text = rest.strip_prefix([':', '=']).filter(|text| whole && !text.trim().is_empty())?;
            Some(line.len() - text.len())
        })
    };
    match KEYS.iter().filter_map(|key| behind(key)).min() {
        Some(from) => format!("{} ***", &line[..from]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn what_may_be_a_secret_is_not_repeated() {
        for line in [
            "value: hunter2",
            "  - {name: A, value: hunter2}",
            "value = \"hunter2\"",
            r#"{"name": "A B", "value" : "hunter2"}"#,
            "'password' : hunter2",
            "api_token: [hunter2]",
            "values: 1, password=hunter2",
            "health_check_headers: {Authorization: hunter2, \"a b\": x}",
        ] {
            assert!(!masked(line).contains("hunter2"), "{line}");
        }
        for line in ["name: shop", "value:", "my_value: 1", "values: [a]"] {
            assert_eq!(masked(line), line);
        }
    }
}
