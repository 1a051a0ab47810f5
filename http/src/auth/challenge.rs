//! Challenges: how a server or a proxy wants to be shown who asks.

use std::fmt;

use http::{HeaderMap, HeaderName};

use super::scanner::Scanner;

/// One way to show who asks, offered in a field `WWW-Authenticate` or `Proxy-Authenticate`
/// (RFC 9110 section 11.6.1).
///
/// ```
/// use torsade_http::Challenge;
///
/// let offered = Challenge::parse(br#"Digest realm="a \"b\"", qop="auth,auth-int", Basic realm=x"#);
/// assert_eq!(offered.len(), 2);
/// assert!(offered[0].is("digest"));
/// assert_eq!(offered[0].parameter("Realm"), Some(&b"a \"b\""[..]));
/// assert_eq!(offered[1].to_string(), "Basic realm=\"x\"");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Challenge {
    scheme: String,
    token: Option<String>,
    parameters: Vec<(String, Vec<u8>)>,
}

impl Challenge {
    /// The challenges in the value of a field. What cannot be read is left out, up to the next comma.
    ///
    /// ```
    /// use torsade_http::Challenge;
    ///
    /// let offered = Challenge::parse(b"Basic realm=\"our \\\"office\\\"\", =, Negotiate");
    /// assert_eq!(offered.len(), 2); // and something that cannot be read
    /// assert_eq!(offered[0].parameter("realm"), Some(&b"our \"office\""[..]));
    /// ```
    pub fn parse(value: &[u8]) -> Vec<Self> {
        let mut challenges = Vec::new();
        read(value, &mut challenges);
        challenges
    }

    /// The challenges in all fields of this name, which are one list (RFC 9110 section 5.3).
    ///
    /// ```
    /// use torsade_http::{Challenge, HeaderMap, HeaderValue, header};
    ///
    /// let mut headers = HeaderMap::new();
    /// for value in ["Negotiate", "Digest realm=a, Basic realm=b"] {
    ///     headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(value));
    /// }
    /// let offered = Challenge::parse_all(&headers, &header::WWW_AUTHENTICATE);
    /// let schemes: Vec<_> = offered.iter().map(Challenge::scheme).collect();
    /// assert_eq!(schemes, ["Negotiate", "Digest", "Basic"]);
    /// ```
    pub fn parse_all(headers: &HeaderMap, name: &HeaderName) -> Vec<Self> {
        let mut challenges = Vec::new();
        for value in headers.get_all(name) {
            read(value.as_bytes(), &mut challenges);
        }
        challenges
    }

    /// The scheme, such as `Digest`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Whether it is of this scheme, in capitals or not.
    ///
    /// ```
    /// use torsade_http::Challenge;
    ///
    /// let offered = Challenge::parse(b"BASIC realm=a, Digest realm=a, nonce=b");
    /// let safest = offered.iter().find(|challenge| challenge.is("digest"));
    /// assert_eq!(safest.map(Challenge::scheme), Some("Digest"));
    /// ```
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// What follows the scheme in place of parameters, with some (`token68`).
    ///
    /// ```
    /// use torsade_http::Challenge;
    ///
    /// let offered = Challenge::parse(b"Negotiate YII=");
    /// assert_eq!(offered[0].token(), Some("YII="));
    /// ```
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The value of the first parameter of this name, in capitals or not, without its quotes.
    ///
    /// ```
    /// use torsade_http::Challenge;
    ///
    /// let offered = &Challenge::parse(b"Bearer realm=api, error=\"invalid_token\"")[0];
    /// assert_eq!(offered.parameter("Error"), Some(&b"invalid_token"[..]));
    /// assert_eq!(offered.parameter("scope"), None);
    /// ```
    pub fn parameter(&self, name: &str) -> Option<&[u8]> {
        find(&self.parameters, name)
    }
}

/// The parameters of a field such as `Authentication-Info` (RFC 9110 section 11.6.3).
pub(super) struct Info(Vec<(String, Vec<u8>)>);

impl Info {
    pub(super) fn parse(value: &[u8]) -> Self {
        let mut scanner = Scanner::new(value);
        let mut parameters = Vec::new();
        while scanner.next_element() {
            let parameter = scanner.token().and_then(|name| scanner.parameter(name));
            parameters.extend(parameter);
        }
        Self(parameters)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&[u8]> {
        find(&self.0, name)
    }
}

fn find<'a>(parameters: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a [u8]> {
    let mut same = parameters
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(name));
    same.next().map(|(_, value)| value.as_slice())
}

/// Adds the challenges of one field to those of the fields before it.
///
/// Commas are between challenges as well as between the parameters of one, so each element is
/// looked at: `name = value` is one more parameter, all else begins a challenge.
fn read(value: &[u8], challenges: &mut Vec<Challenge>) {
    let mut scanner = Scanner::new(value);
    while scanner.next_element() {
        let Some(name) = scanner.token() else {
            continue;
        };
        if scanner.is_at_equals() {
            let parameter = scanner.parameter(name);
            if let Some(challenge) = challenges.last_mut()
                && challenge.token.is_none()
            {
                challenge.parameters.extend(parameter);
            }
            continue;
        }
        let mut challenge = Challenge {
            scheme: name,
            token: None,
            parameters: Vec::new(),
        };
        if scanner.skip_blanks() {
            challenge.token = scanner.token68();
            if challenge.token.is_none()
                && let Some(name) = scanner.token()
            {
                challenge.parameters.extend(scanner.parameter(name));
            }
        }
        challenges.push(challenge);
    }
}

/// As it would be written in a field; a parameter always with quotes, and made printable.
impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scheme)?;
        if let Some(token) = &self.token {
            write!(f, " {token}")?;
        }
        for (number, (name, value)) in self.parameters.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            let value = String::from_utf8_lossy(value);
            let is_odd = |letter: char| letter.is_control() && letter != '\t';
            let value = value.replace(is_odd, "\u{fffd}");
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            write!(f, "{comma} {name}=\"{value}\"")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::header::WWW_AUTHENTICATE;
    use proptest::prelude::*;

    use super::*;

    fn shown(challenges: &[Challenge]) -> Vec<String> {
        challenges.iter().map(ToString::to_string).collect()
    }

    fn parsed(value: impl AsRef<[u8]>) -> Vec<String> {
        shown(&Challenge::parse(value.as_ref()))
    }

    // RFC 9110 section 11.6.1
    #[test]
    fn challenges_and_parameters_are_told_apart() {
        for (value, expected) in [
            ("Basic realm=\"simple\"", &["Basic realm=\"simple\""][..]),
            (
                "Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\", Basic realm=\"simple\"",
                &[
                    "Newauth realm=\"apps\", type=\"1\", title=\"Login to \\\"apps\\\"\"",
                    "Basic realm=\"simple\"",
                ],
            ),
            ("Negotiate", &["Negotiate"]),
            (
                "Negotiate, NTLM,,\t, Basic",
                &["Negotiate", "NTLM", "Basic"],
            ),
            (
                "Negotiate YII+/w==, Basic realm=x",
                &["Negotiate YII+/w==", "Basic realm=\"x\""],
            ),
            ("A abc, B abc=", &["A abc", "B abc="]),
            ("A a=b", &["A a=\"b\""]),
            (
                "Digest  realm = \"a, b\" ,\tnonce= c , stale =TRUE",
                &["Digest realm=\"a, b\", nonce=\"c\", stale=\"TRUE\""],
            ),
            // A comma behind the scheme, where there should be a blank only.
            ("Digest , realm=a", &["Digest realm=\"a\""]),
            ("", &[]),
            (" , ,", &[]),
        ] {
            assert_eq!(parsed(value), expected, "{value}");
        }
        let challenge = &Challenge::parse(b"x realm=one, REALM=two")[0];
        assert_eq!(challenge.parameter("Realm"), Some(&b"one"[..]));
        assert!(challenge.is("X") && !challenge.is("XX"));
        let latin = &Challenge::parse(b"Basic realm=\"caf\xe9\"")[0];
        assert_eq!(latin.parameter("realm"), Some(&b"caf\xe9"[..]));
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        for (value, expected) in [
            ("Basic realm=\"open", &["Basic"][..]),
            ("Basic realm=\"open\\", &["Basic"]),
            ("Basic realm=My Server, x=1", &["Basic x=\"1\""]),
            ("Basic realm=\"a\"b, c, d\", x=1", &["Basic", "c", "d"]),
            ("realm=lost, Basic", &["Basic"]),
            ("Basic realm=, x=1", &["Basic realm="]),
            ("Basic x=1, realm=", &["Basic x=\"1\""]),
            ("=x, Basic", &["Basic"]),
            ("\"a, Basic", &[]),
            ("\"a\", Basic", &["Basic"]),
            ("Basic @@@, NTLM", &["Basic", "NTLM"]),
        ] {
            assert_eq!(parsed(value), expected, "{value}");
        }
    }

    #[test]
    fn fields_of_one_name_are_one_list() {
        let mut headers = HeaderMap::new();
        for value in ["Digest realm=a", "nonce=b, Basic", "Bearer"] {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        let all = Challenge::parse_all(&headers, &WWW_AUTHENTICATE);
        let expected = ["Digest realm=\"a\", nonce=\"b\"", "Basic", "Bearer"];
        assert_eq!(shown(&all), expected);
    }

    #[test]
    fn parameters_without_a_scheme_are_read_as_well() {
        let info = Info::parse(b"nextnonce=\"a\\\"b\", qop=auth, @, nc=00000001");
        assert_eq!(info.parameter("NextNonce"), Some(&b"a\"b"[..]));
        assert_eq!(info.parameter("nc"), Some(&b"00000001"[..]));
        assert_eq!(info.parameter("rspauth"), None);
    }

    proptest! {
        #[test]
        fn anything_is_read_to_its_end(value in "[ \t,=\"\\\\a-c@é]{0,60}") {
            let once = Challenge::parse(value.as_bytes());
            // What was understood is understood the same again.
            let again = Challenge::parse(shown(&once).join(", ").as_bytes());
            prop_assert_eq!(again, once);
        }
    }
}
