//! Features of a Dockerfile that only BuildKit has.

/// Flags of instructions that came with BuildKit.
const FLAGS: [(&str, &[&str]); 3] = [
    ("RUN", &["mount", "network", "security"]),
    ("COPY", &["link", "chmod", "parents", "exclude"]),
    ("ADD", &["link", "chmod", "checksum", "keep-git-dir", "exclude", "unpack"]),
];

/// The first such thing, as it is written, and its line.
pub fn needs_buildkit(text: &str) -> Option<(usize, String)> {
    let mut goes_on = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let begins = !goes_on;
        goes_on = line.ends_with('\\');
        let mut words = line.split_whitespace();
        let Some(instruction) = words.next().filter(|_| begins).map(str::to_ascii_uppercase) else {
            continue;
        };
        let Some((_, flags)) = FLAGS.iter().find(|(name, _)| *name == instruction) else { continue };
        let mut given = words.take_while(|word| word.starts_with("--"));
        let own = |word: &str| {
            let name = word.trim_start_matches('-').split('=').next().unwrap_or_default();
            flags.iter().find(|flag| **flag == name)
        };
        if let Some(flag) = given.find_map(own) {
            return Some((number + 1, format!("{instruction} --{flag}")));
        }
        if has_heredoc(line) {
            return Some((number + 1, format!("{instruction} <<")));
        }
    }
    None
}

/// `<<EOF`, and not the `<<<` of a shell, or a number that is shifted.
fn has_heredoc(line: &str) -> bool {
    let begins = |rest: &str| {
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        rest.starts_with(|c: char| c.is_ascii_alphabetic() || "_\"'".contains(c))
    };
    line.match_indices("<<").any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before != Some('<') && begins(&line[at + 2..])
    })
}

#[cfg(test)]
mod tests {
    use super::needs_buildkit;

    #[test]
    fn what_only_buildkit_knows_is_found_where_it_stands() {
        for (text, found) in [
            ("FROM x\nRUN --mount=type=cache,target=/c make\n", Some((2, "RUN --mount"))),
            ("FROM x\n\n  run --network=none make\n", Some((3, "RUN --network"))),
            ("FROM x\nCOPY --from=a --chmod=755 a /b\n", Some((2, "COPY --chmod"))),
            ("FROM x\nCOPY --link a /b\n", Some((2, "COPY --link"))),
            ("FROM x\nADD --checksum=sha256:0 http://x /b\n", Some((2, "ADD --checksum"))),
            ("FROM x\nRUN <<EOF\nmake\nEOF\n", Some((2, "RUN <<"))),
            ("FROM x\nCOPY <<-\"E\" /b\nx\nE\n", Some((2, "COPY <<"))),
            ("# syntax=docker/dockerfile:1\nFROM x\nRUN make --mount=x\n", None),
            ("FROM x\nRUN a && \\\n  RUN --mount=x\n", None),
            ("FROM x\n# RUN --mount=x\nCOPY --from=a --chown=1 a /b\n", None),
            ("FROM x\nRUN cat <<< \"x\" && echo $((1<<2))\n", None),
        ] {
            let needs = needs_buildkit(text);
            assert_eq!(needs.as_ref().map(|(line, what)| (*line, what.as_str())), found, "{text}");
        }
    }
}
