//! The grammar of endpoint descriptions: `tcp:host=example.org:port=80`.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A description, taken apart.
///
/// ```
/// use torsade_core::endpoints::Description;
///
/// let mut description = Description::parse("tcp:8007:interface=127.0.0.1")?;
/// assert_eq!(description.kind, "tcp");
/// assert_eq!(description.require("port")?, "8007");
/// assert_eq!(description.take_named("interface").as_deref(), Some("127.0.0.1"));
/// description.finish()?;
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// What kind of endpoint it is: the part before the first colon.
    pub kind: String,
    positional: Vec<String>,
    named: Vec<(String, String)>,
}

/// What is wrong with a description.
///
/// ```
/// use torsade_core::endpoints::Description;
///
/// let mut description = Description::parse("tcp")?;
/// let error = description.require("port").unwrap_err();
/// assert_eq!(error.to_string(), "the argument port is missing");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DescriptionError {
    /// Nobody knows such endpoints.
    UnknownKind {
        /// What was asked for.
        kind: String,
        /// What there is.
        known: Vec<String>,
    },
    /// An argument that is needed is not there.
    Missing {
        /// Its name.
        argument: &'static str,
    },
    /// An argument that these endpoints do not have, or one too many.
    Unexpected {
        /// The argument, or its value if it has no name.
        argument: String,
    },
    /// The value of an argument is none.
    BadValue {
        /// The argument's name.
        argument: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// An argument is given twice.
    Twice {
        /// Its name.
        argument: String,
    },
}

impl Description {
    /// Takes a description apart: fields are separated by colons, and are values or `name=value`.
    /// A backslash before a colon, an equals sign or a backslash makes it a part of the value.
    ///
    /// ```
    /// use torsade_core::endpoints::{Description, DescriptionError};
    ///
    /// let mut description = Description::parse(r"unix:/run/a\:b:timeout=5")?;
    /// assert_eq!(description.take("path").as_deref(), Some("/run/a:b"));
    /// let twice = Description::parse("tcp:port=1:port=2");
    /// assert_eq!(twice, Err(DescriptionError::Twice { argument: "port".to_owned() }));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`DescriptionError::Twice`].
    pub fn parse(text: &str) -> Result<Self, DescriptionError> {
        let mut fields = split(text).into_iter();
        let kind = fields.next().map(|field| field.value).unwrap_or_default();
        let (mut positional, mut named) = (Vec::new(), Vec::<(String, String)>::new());
        // A kind and a colon: `stdio:` is how one writes that there are no arguments.
        let has_none = matches!(fields.as_slice(), [only] if only.is_empty());
        for Field { name, value } in fields.take(if has_none { 0 } else { usize::MAX }) {
            match name {
                None => positional.push(value),
                Some(name) if named.iter().any(|(other, _)| *other == name) => {
                    return Err(DescriptionError::Twice { argument: name });
                }
                Some(name) => named.push((name, value)),
            }
        }
        Ok(Self {
            kind,
            positional,
            named,
        })
    }

    /// A value, written so that it is read as it is.
    ///
    /// ```
    /// use torsade_core::endpoints::Description;
    ///
    /// assert_eq!(Description::escape("::1"), r"\:\:1");
    /// ```
    #[doc(alias = "quoteStringArgument")]
    pub fn escape(value: &str) -> String {
        let mut text = String::with_capacity(value.len());
        for character in value.chars() {
            if matches!(character, ':' | '=' | '\\') {
                text.push('\\');
            }
            text.push(character);
        }
        text
    }

    /// Takes an argument out: by its name, or else the next one without a name.
    ///
    /// ```
    /// use torsade_core::endpoints::Description;
    ///
    /// let mut description = Description::parse("tcp:port=80:example.com")?;
    /// // By its name, wherever it stands; and the next one that has none.
    /// assert_eq!(description.take("port").as_deref(), Some("80"));
    /// assert_eq!(description.take("host").as_deref(), Some("example.com"));
    /// assert_eq!(description.take("timeout"), None);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn take(&mut self, name: &'static str) -> Option<String> {
        self.take_named(name).or_else(|| {
            let is_there = !self.positional.is_empty();
            is_there.then(|| self.positional.remove(0))
        })
    }

    /// Takes out an argument that must be given by its name.
    pub fn take_named(&mut self, name: &'static str) -> Option<String> {
        let at = self.named.iter().position(|(other, _)| other == name)?;
        Some(self.named.remove(at).1)
    }

    /// As [`take`](Self::take), for one that has to be there.
    ///
    /// # Errors
    /// [`DescriptionError::Missing`].
    pub fn require(&mut self, argument: &'static str) -> Result<String, DescriptionError> {
        self.take(argument)
            .ok_or(DescriptionError::Missing { argument })
    }

    /// Takes all that is left as a description of its own, whose kind is the first argument without
    /// a name: `tcp:80` of `haproxy:tcp:80`. If that holds a colon, it is the whole: `haproxy:tcp\\:80`.
    ///
    /// ```
    /// use torsade_core::endpoints::Description;
    ///
    /// let mut description = Description::parse("haproxy:tcp:80:backlog=5")?;
    /// let mut inner = description.rest()?;
    /// assert_eq!(inner.kind, "tcp");
    /// assert_eq!(inner.take("port").as_deref(), Some("80"));
    /// assert_eq!(inner.take_named("backlog").as_deref(), Some("5"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`DescriptionError::Missing`], if there is no such argument.
    pub fn rest(&mut self) -> Result<Self, DescriptionError> {
        let first = self.require("endpoint")?;
        let mut rest = Self::parse(&first)?;
        rest.positional.append(&mut self.positional);
        rest.named.append(&mut self.named);
        Ok(rest)
    }

    /// Takes all arguments without names that are left.
    pub fn take_all(&mut self) -> Vec<String> {
        std::mem::take(&mut self.positional)
    }

    /// All arguments must have been taken.
    ///
    /// ```
    /// use torsade_core::endpoints::{Description, DescriptionError};
    ///
    /// let mut description = Description::parse("tcp:80:backlgo=5")?;
    /// description.require("port")?;
    /// let argument = "backlgo".to_owned(); // a mistake, which would else be passed over
    /// assert_eq!(description.finish(), Err(DescriptionError::Unexpected { argument }));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`DescriptionError::Unexpected`].
    pub fn finish(self) -> Result<(), DescriptionError> {
        let named = self.named.into_iter().map(|(name, _)| name);
        match self.positional.into_iter().chain(named).next() {
            Some(argument) => Err(DescriptionError::Unexpected { argument }),
            None => Ok(()),
        }
    }
}

/// The value of an argument, as what it has to be.
pub(super) fn value<T: FromStr>(
    argument: &'static str,
    value: &str,
    expected: &'static str,
) -> Result<T, DescriptionError> {
    value.parse().map_err(|_| DescriptionError::BadValue {
        argument,
        value: value.to_owned(),
        expected,
    })
}

#[derive(Default)]
struct Field {
    name: Option<String>,
    value: String,
}

impl Field {
    fn is_empty(&self) -> bool {
        self.name.is_none() && self.value.is_empty()
    }
}

fn split(text: &str) -> Vec<Field> {
    let mut fields = vec![Field::default()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let last = fields.len() - 1;
        let field = &mut fields[last];
        match character {
            ':' => fields.push(Field::default()),
            '=' if field.name.is_none() && last > 0 => {
                field.name = Some(std::mem::take(&mut field.value));
            }
            '\\' => field.value.extend(characters.next()),
            other => field.value.push(other),
        }
    }
    fields
}

impl fmt::Display for DescriptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKind { kind, known } => {
                write!(
                    f,
                    "there are no {kind:?} endpoints, only {}",
                    known.join(", ")
                )
            }
            Self::Missing { argument } => write!(f, "the argument {argument} is missing"),
            Self::Unexpected { argument } => write!(f, "nobody expects the argument {argument:?}"),
            Self::BadValue {
                argument,
                value,
                expected,
            } => write!(f, "{argument} is {value:?}, and must be {expected}"),
            Self::Twice { argument } => write!(f, "the argument {argument} is given twice"),
        }
    }
}

impl Error for DescriptionError {}
