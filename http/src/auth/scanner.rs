//! The words of which challenges are made (RFC 9110 sections 5.6 and 11.2).

/// Reads a list with commas, element by element. It never goes back behind an element, so the work
/// is bounded by the length.
pub(super) struct Scanner<'a> {
    rest: &'a [u8],
    is_within_element: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(value: &'a [u8]) -> Self {
        Self {
            rest: value,
            is_within_element: false,
        }
    }

    /// Goes to the next element, over what is left of this one; false if there is none.
    pub(super) fn next_element(&mut self) -> bool {
        if self.is_within_element {
            self.skip_to_comma();
        }
        while let [b' ' | b'\t' | b',', rest @ ..] = self.rest {
            self.rest = rest;
        }
        self.is_within_element = !self.rest.is_empty();
        self.is_within_element
    }

    /// Commas within quotes do not count.
    fn skip_to_comma(&mut self) {
        while let [byte, rest @ ..] = self.rest {
            match byte {
                b',' => return,
                b'"' => {
                    let _ = self.quoted();
                }
                _ => self.rest = rest,
            }
        }
    }

    /// Whether there were any.
    pub(super) fn skip_blanks(&mut self) -> bool {
        let before = self.rest.len();
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
        self.rest.len() < before
    }

    pub(super) fn is_at_equals(&self) -> bool {
        let mut ahead = Self { ..*self };
        ahead.skip_blanks();
        ahead.rest.first() == Some(&b'=')
    }

    fn is_at_end_of_element(&self) -> bool {
        let mut ahead = Self { ..*self };
        ahead.skip_blanks();
        matches!(ahead.rest.first(), None | Some(b','))
    }

    /// The bytes from here on that are of a kind.
    fn take_while(&mut self, is_of_it: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|&byte| !is_of_it(byte));
        let (taken, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    pub(super) fn token(&mut self) -> Option<String> {
        text(self.take_while(is_of_token))
    }

    /// A word that is all of what is left of the element (RFC 9110 section 11.2).
    pub(super) fn token68(&mut self) -> Option<String> {
        let mut ahead = Self { ..*self };
        let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        let letters = ahead.take_while(is_of_it).len();
        if letters == 0 {
            return None;
        }
        let signs = ahead.take_while(|byte| byte == b'=').len();
        if !ahead.is_at_end_of_element() {
            return None;
        }
        let word = &self.rest[..letters + signs];
        self.rest = ahead.rest;
        text(word)
    }

    /// What is behind a parameter's name: `=` and its value, and then the element's end.
    pub(super) fn parameter(&mut self, name: String) -> Option<(String, Vec<u8>)> {
        self.skip_blanks();
        self.rest = self.rest.strip_prefix(b"=")?;
        self.skip_blanks();
        let value = match self.rest.first()? {
            b'"' => self.quoted()?,
            _ => self.token()?.into_bytes(),
        };
        self.is_at_end_of_element().then_some((name, value))
    }

    /// What is between quotes, without backslashes; `None`, and all is read, if no quote closes it.
    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        let mut bytes = self.rest.iter().copied().enumerate().skip(1);
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.rest = &self.rest[at + 1..];
                    return Some(value);
                }
                b'\\' => value.extend(bytes.next().map(|(_, escaped)| escaped)),
                _ => value.push(byte),
            }
        }
        self.rest = &[];
        None
    }
}

/// RFC 9110 section 5.6.2.
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn text(word: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(word).ok()?;
    (!text.is_empty()).then(|| text.to_owned())
}
