//! References to images, as engines and registries take them (the grammar of the distribution project); each
//! refusal says which part it is about and what to write.

/// Longest tag.
const LONGEST_TAG: usize = 128;
/// Longest name with its registry.
const LONGEST_NAME: usize = 255;

/// Cause and hint.
pub type Refusal = (String, String);

/// Checks `registry/name`, `:tag` and `@digest`.
pub fn check(text: &str) -> Result<(), Refusal> {
    of_another_kind("the image", text)?;
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    let last = name.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match name[last..].find(':') {
        Some(at) => (&name[..last + at], Some(&name[last + at + 1..])),
        None => (name, None),
    };
    check_name(text, name)?;
    tag.map_or(Ok(()), check_tag)?;
    match digest {
        Some(digest) if !is_digest(digest) => Err((
            format!("`{digest}` is not a digest"),
            format!(
                "write `{name}@sha256:` and 64 digits of 0-9 and a-f, as `docker images --digests` shows them"
            ),
        )),
        Some(_) | None => Ok(()),
    }
}

/// Texts that are not image references.
fn of_another_kind(what: &str, text: &str) -> Result<(), Refusal> {
    if text.contains("${") || text.starts_with('$') {
        let hint = "`${NAME}` is replaced in values of `env` only; write the text itself, or give each of \
                    `targets` its own";
        return Err((format!("{what} is `{text}`, with a variable in it"), hint.to_owned()));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let hint = format!("write it without `{scheme}://`: `{}`", rest.trim_end_matches('/'));
        return Err((format!("{what} is `{text}`, which is an address and not an image"), hint));
    }
    if let Some(wrong) = text.chars().find(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        let wrong =
            if wrong == ' ' { "white space".to_owned() } else { format!("`{}`", wrong.escape_default()) };
        let hint = "write it in ASCII, without spaces, such as `ghcr.io/you/app:v1`";
        return Err((format!("{what} is `{text}`, and must not have {wrong} in it"), hint.to_owned()));
    }
    Ok(())
}

fn check_name(text: &str, name: &str) -> Result<(), Refusal> {
    let refuse = |cause: String, hint: String| Err((format!("the image `{text}` {cause}"), hint));
    if name.len() > LONGEST_NAME {
        return refuse(format!("has a name of more than {LONGEST_NAME} characters"), "shorten it".to_owned());
    }
    if name.is_empty() {
        return refuse("has no name".to_owned(), "write `ghcr.io/you/app:v1`".to_owned());
    }
    if name.split('/').any(str::is_empty) {
        let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
        return refuse("has nothing between two slashes".to_owned(), format!("write `{}`", parts.join("/")));
    }
    let (registry, path) = match name.split_once('/') {
        Some((first, rest)) if is_registry(first) => (Some(first), rest),
        Some(_) | None => (None, name),
    };
    if let Some(registry) = registry {
        let (host, port) =
            registry.split_once(':').map_or((registry, None), |(host, port)| (host, Some(port)));
        if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
            let hint = format!("write a port between 1 and 65535: `{host}:5000/{path}`");
            return refuse(format!("names the registry `{registry}`, whose port is not one"), hint);
        }
        if !host.split('.').all(is_label) {
            let hint = format!("write the name of a host: `ghcr.io/{path}`");
            return refuse(format!("names the registry `{registry}`, which is not the name of a host"), hint);
        }
    }
    if path.contains(|c: char| c.is_ascii_uppercase()) {
        let (before, behind) = (&name[..name.len() - path.len()], &text[name.len()..]);
        let lower = format!("{before}{}{behind}", path.to_ascii_lowercase());
        return refuse("has capital letters in its name".to_owned(), format!("write `{lower}`"));
    }
    if let Some(part) = path.split('/').find(|part| !is_component(part)) {
        let hint = "use a-z and 0-9, with `.`, `_`, `__` or `-` between them".to_owned();
        return refuse(format!("has `{part}` in its name, which no registry takes"), hint);
    }
    if path.len() == 64 && path.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return refuse("looks like an id".to_owned(), "write a name: `ghcr.io/you/app:v1`".to_owned());
    }
    Ok(())
}

/// As Docker tells a registry from a namespace.
fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// `[a-z0-9]+` with one `.`, one or two `_`, or any number of `-` between.
fn is_component(part: &str) -> bool {
    let word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends = |byte: Option<&u8>| byte.is_some_and(word);
    ends(bytes.first())
        && ends(bytes.last())
        && bytes.split(word).all(|between| {
            matches!(between, b"" | b"." | b"_" | b"__") || between.iter().all(|byte| *byte == b'-')
        })
}

/// Checks a tag.
pub fn check_tag(tag: &str) -> Result<(), Refusal> {
    of_another_kind("the tag", tag)?;
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let part = |c: char| first(c) || c == '.' || c == '-';
    if tag.starts_with("sha256:") {
        let hint = format!("write `repository: ghcr.io/you/app@{tag}`, without `tag`");
        return Err((format!("the tag is `{tag}`, which is a digest"), hint));
    }
    if tag.len() > LONGEST_TAG {
        let cause = format!("the tag has {} characters, and can have {LONGEST_TAG}", tag.len());
        return Err((cause, "shorten it, e.g. to the first 12 characters of the commit".to_owned()));
    }
    if tag.is_empty() {
        return Err(("the tag is empty".to_owned(), "write it, or delete it for `latest`".to_owned()));
    }
    if !tag.starts_with(first) || !tag.chars().all(part) {
        let fine: String = tag.chars().map(|c| if part(c) { c } else { '-' }).collect();
        let hint = match fine.trim_start_matches(['.', '-']) {
            "" => "write a tag such as `v1`".to_owned(),
            fine => format!("write e.g. `{fine}`"),
        };
        let cause = format!(
            "the tag is `{tag}`; it takes letters, digits, `_`, `.` and `-`, and begins with none of the last two"
        );
        return Err((cause, hint));
    }
    Ok(())
}

fn is_digest(digest: &str) -> bool {
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
