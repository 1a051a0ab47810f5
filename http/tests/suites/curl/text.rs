//! The small languages within a command line: quotes, patterns, configuration files, encoded forms.

/// `CONTENT`, `=CONTENT`, `NAME=CONTENT`, `@FILE` or `NAME@FILE`, encoded for a form.
pub(super) fn encoded(text: &str, content: &impl Fn(&str) -> Vec<u8>) -> String {
    const SET: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    let encode = |bytes: &[u8]| percent_encoding::percent_encode(bytes, SET).to_string();
    let Some(at) = text.find(['=', '@']) else {
        return encode(text.as_bytes());
    };
    let (name, rest) = (&text[..at], &text[at + 1..]);
    let value = match text.as_bytes()[at] {
        b'@' => encode(&content(rest)),
        _ => encode(rest.as_bytes()),
    };
    if name.is_empty() {
        value
    } else {
        format!("{name}={value}")
    }
}

/// The lines of a configuration file, as arguments.
pub(super) fn config(text: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let end = line.find([' ', '\t', '=', ':']).unwrap_or(line.len());
        let (name, value) = line.split_at(end);
        let dashes = match name {
            name if name.starts_with('-') => "",
            name if name.len() == 1 => "-",
            _ => "--",
        };
        arguments.push(format!("{dashes}{name}"));
        let value = value.trim_start_matches([' ', '\t', '=', ':']);
        match value.strip_prefix('"') {
            Some(quoted) => arguments.push(unquoted(quoted)),
            None if !value.is_empty() => arguments.push(value.to_owned()),
            None => {}
        }
    }
    arguments
}

/// Up to the closing quote.
fn unquoted(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => match letters.next() {
                Some('t') => plain.push('\t'),
                Some('n') => plain.push('\n'),
                Some('r') => plain.push('\r'),
                Some(other) => plain.push(other),
                None => {}
            },
            letter => plain.push(letter),
        }
    }
    plain
}

/// Taken apart as a shell does, with quotes.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut is_word) = (String::new(), None, false);
    for letter in line.chars() {
        match (letter, quote) {
            ('"' | '\'', None) => {
                quote = Some(letter);
                is_word = true;
            }
            (letter, Some(open)) if letter == open => quote = None,
            (letter, None) if letter.is_whitespace() => {
                if std::mem::take(&mut is_word) {
                    words.push(std::mem::take(&mut word));
                }
            }
            (letter, _) => {
                word.push(letter);
                is_word = true;
            }
        }
    }
    if is_word {
        words.push(word);
    }
    words
}

/// `a{b,c}d` is `abd` and `acd`.
pub(super) fn globbed(text: &str) -> Vec<String> {
    let parts = text.find('{').and_then(|open| {
        let close = open + text[open..].find('}')?;
        Some((&text[..open], &text[open + 1..close], &text[close + 1..]))
    });
    let Some((before, choices, after)) = parts else {
        return vec![text.to_owned()];
    };
    let choices = choices.split(',');
    choices
        .flat_map(|choice| globbed(&format!("{before}{choice}{after}")))
        .collect()
}
