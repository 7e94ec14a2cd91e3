//! Suggestions for a command line that is not understood: never anything destructive. A slip of a user must
//! not lead to it, nor a program that follows every hint.

use clap::error::{ContextKind, ContextValue};

/// Commands and options that take something away, or agree to it.
const DESTROYS: [&str; 20] = [
    "stop",
    "prune",
    "prune-images",
    "redact",
    "recover",
    "restore",
    "forget",
    "rotate",
    "adopt",
    "reload",
    "--remove",
    "--remove-containers",
    "--remove-volumes",
    "--apply",
    "--yes",
    "--unpin",
    "--release",
    "--move-domains",
    "--include-protected",
    "--older",
];

fn destroys(word: &str) -> bool {
    DESTROYS.contains(&word)
}

/// The same error, without suggestions that destroy.
pub fn harmless(mut error: clap::Error) -> clap::Error {
    let option = error.get(ContextKind::SuggestedArg).is_some();
    for kind in [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue] {
        let kept = match error.remove(kind) {
            Some(ContextValue::String(word)) if !destroys(&word) => Some(ContextValue::String(word)),
            Some(ContextValue::String(_)) | None => None,
            Some(ContextValue::Strings(words)) => {
                let words: Vec<String> = words.into_iter().filter(|word| !destroys(word)).collect();
                (!words.is_empty()).then_some(ContextValue::Strings(words))
            }
            Some(other) => Some(other),
        };
        if let Some(kept) = kept {
            error.insert(kind, kept);
        }
    }
    // The usage that is shown has the option that was suggested.
    if option && error.get(ContextKind::SuggestedArg).is_none() {
        error.remove(ContextKind::Usage);
    }
    // `'stop --target' exists`: an option of another command.
    if let Some(ContextValue::StyledStrs(tips)) = error.remove(ContextKind::Suggested) {
        let apart = |c: char| c.is_whitespace() || c == '\'';
        let tips = tips.into_iter().filter(|tip| !tip.to_string().split(apart).any(destroys));
        let tips: Vec<_> = tips.collect();
        if !tips.is_empty() {
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use super::harmless;
    use clap::Parser;

    fn told(line: &str) -> String {
        let words = std::iter::once("haloy").chain(line.split(' '));
        let error = crate::cli::Cli::try_parse_from(words).expect_err(line);
        harmless(error).render().to_string()
    }

    #[test]
    fn a_slip_never_leads_to_what_destroys() {
        for line in [
            "stpo",
            "stop-",
            "prun",
            "redcat",
            "recovr",
            "restor",
            "edge stpo",
            "key rotat",
            "stop --remov",
            "stop --remove-volume",
            "prune --aply",
            "deploy --ye",
            "deploy --remove-volumes",
            "status --apply",
        ] {
            let told = told(line);
            // What is wrong is quoted as it was given, and the command is named in its usage.
            let apart = |c: char| c.is_whitespace() || "'`,".contains(c);
            let words = |text: &str| text.split(apart).map(str::to_owned).collect::<Vec<_>>();
            let given = words(line);
            for word in words(&told).into_iter().filter(|word| !given.contains(word)) {
                assert!(!super::DESTROYS.contains(&&*word), "{line}: {told}");
            }
        }
        for (line, meant) in
            [("statu", "'status'"), ("deploi", "'deploy'"), ("deploy --targt x", "'--target'")]
        {
            assert!(told(line).contains(meant), "{line}: {}", told(line));
        }
    }
}
