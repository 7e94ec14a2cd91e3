//! `$NAME` and `${NAME}` as Docker Compose documents them, for `.env` files.

/// Finds a variable: none where it is not set, an error where it is and cannot be read.
pub type Lookup<'a> = dyn Fn(&str) -> Option<Result<String, String>> + 'a;

/// Most bytes that a value becomes: no variable can have more, and a few lines can stand for more than any
/// memory holds.
const LONGEST: usize = 128 * 1024;
/// Longest chain of defaults within defaults.
const DEEPEST: usize = 32;

/// Replaces variables. An unset one is an error: otherwise text would be lost.
pub fn interpolate(text: &str, lookup: &Lookup<'_>) -> Result<String, String> {
    replace(text, lookup, 0)
}

fn replace(text: &str, lookup: &Lookup<'_>, depth: usize) -> Result<String, String> {
    if depth > DEEPEST {
        return Err(format!("`${{...}}` is nested more than {DEEPEST} deep"));
    }
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let name = name_of(after);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(inner) = after.strip_prefix('{') {
            let Some(end) = closing(inner) else {
                return Err("`${` is never closed by `}`; write `$$` for a `$` that is text".to_owned());
            };
            out.push_str(&braced(&inner[..end], lookup, depth)?);
            rest = &inner[end + 1..];
        } else if name.is_empty() {
            out.push('$');
            rest = after;
        } else {
            let unset = "a `$` in it begins the name of a variable that is not set; where it is text, put the value \
                         in single quotes, or write `$$`";
            out.push_str(&lookup(name).unwrap_or_else(|| Err(unset.to_owned()))?);
            rest = &after[name.len()..];
        }
        if out.len() > LONGEST {
            return Err(format!(
                "it becomes a value of more than {LONGEST} bytes, which no variable can have"
            ));
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// The name that a text begins with, if it does.
fn name_of(text: &str) -> &str {
    let part = |c: char| c == '_' || c.is_ascii_alphanumeric();
    match text.starts_with(|c: char| c.is_ascii_digit()) {
        true => "",
        false => &text[..text.find(|c| !part(c)).unwrap_or(text.len())],
    }
}

/// Where the bracket that is open closes, with those that open and close before.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    let mut before = None;
    for (at, c) in text.char_indices() {
        match c {
            '{' if before == Some('$') => open += 1,
            '}' => open -= 1,
            _other => {}
        }
        if open == 0 {
            return Some(at);
        }
        before = Some(c);
    }
    None
}

fn braced(inner: &str, lookup: &Lookup<'_>, depth: usize) -> Result<String, String> {
    let name = name_of(inner);
    let (operator, word) = match &inner[name.len()..] {
        "" if !name.is_empty() => {
            let unset = || {
                format!(
                    "it asks for the variable {name}, which is not set; `${{{name}:-}}` is empty then, and `$${{{name}}}` \
                     is text"
                )
            };
            return lookup(name).unwrap_or_else(|| Err(unset()));
        }
        text => match text.strip_prefix(':') {
            Some(after) => (after.chars().next().map(|c| (c, true)), after),
            None => (text.chars().next().map(|c| (c, false)), text),
        },
    };
    let word = word.get(1..).unwrap_or_default();
    let value = lookup(name).transpose()?;
    // With a colon, empty is treated as not set.
    let counts = |colon: bool| value.clone().filter(|value| !(colon && value.is_empty()));
    match operator {
        Some(('-', colon)) if !name.is_empty() => match counts(colon) {
            Some(value) => Ok(value),
            None => replace(word, lookup, depth + 1),
        },
        Some(('+', colon)) if !name.is_empty() => match counts(colon) {
            Some(_) => replace(word, lookup, depth + 1),
            None => Ok(String::new()),
        },
        Some(('?', colon)) if !name.is_empty() => match counts(colon) {
            Some(value) => Ok(value),
            // As it stands: what a variable in it stands for may be a secret.
            None => Err(format!("it needs the variable {name}: {word}")),
        },
        Some(_) | None => Err(form(inner)),
    }
}

fn form(inner: &str) -> String {
    // It begins with a name, or something close to one; the rest may be part of a secret.
    let name = name_of(inner);
    format!(
        "`${{{name}...}}` is not a known form; there are `${{A}}`, `${{A:-default}}`, `${{A:?message}}` and \
         `${{A:+other}}`, and `$$` is a `$` that is text"
    )
}
