use std::error::Error;
use std::fmt;

use super::*;

#[derive(Debug)]
struct Outer {
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// An error whose text and source go wrong in the way it is told.
#[derive(Debug)]
enum Broken {
    Fails,
    Panics,
    IsItsOwnSource,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fails => Err(fmt::Error),
            Self::Panics => {
                f.write_str("began ")?;
                panic!("no text today")
            }
            Self::IsItsOwnSource => f.write_str("again"),
        }
    }
}

impl Error for Broken {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Fails => None,
            Self::Panics => panic!("no source today"),
            Self::IsItsOwnSource => Some(self),
        }
    }
}

fn parse_error() -> std::num::ParseIntError {
    "x".parse::<u8>().unwrap_err()
}

#[test]
fn is_one_pointer_and_goes_to_another_thread() {
    fn is_send_and_sync<T: Send + Sync + 'static>() {}
    is_send_and_sync::<Failure>();
    assert_eq!(size_of::<Failure>(), size_of::<usize>());
    assert_eq!(size_of::<crate::Result<()>>(), size_of::<usize>());
}

// C37
#[test]
fn checks_the_error_and_finds_its_sources() {
    let failure = Failure::from(Outer {
        source: Some(parse_error().into()),
    });
    assert!(failure.check::<Outer>().is_some());
    assert!(failure.check::<std::num::ParseIntError>().is_none());
    assert_eq!(
        failure.find::<std::num::ParseIntError>(),
        Some(&parse_error())
    );
    assert!(failure.find::<Outer>().is_some());
    assert!(failure.find::<fmt::Error>().is_none());
}

// C37
#[test]
fn trap_gives_the_error_or_the_same_failure() {
    let mut failure = Failure::from(parse_error());
    failure.add_step(Step::passed(Location::caller()));
    let address = std::ptr::from_ref(&*failure.inner);
    let failure = failure.trap::<fmt::Error>().unwrap_err();
    assert_eq!(std::ptr::from_ref(&*failure.inner), address);
    assert_eq!(failure.path().steps().len(), 1);
    assert_eq!(
        failure.trap::<std::num::ParseIntError>().unwrap(),
        parse_error()
    );
}

// C37
#[test]
fn wrapping_again_keeps_the_first_origin() {
    const RAISED: u32 = line!() + 2;
    fn first() -> crate::Result<()> {
        Err(parse_error())?;
        Ok(())
    }
    fn second() -> crate::Result<()> {
        first()?;
        Ok(())
    }
    let failure = second().unwrap_err();
    assert_eq!(failure.raised_at().file(), file!());
    assert_eq!(failure.raised_at().line(), RAISED);
}

#[test]
fn renders_the_error_its_sources_and_its_path() {
    let mut failure = Failure::from(Outer {
        source: Some(parse_error().into()),
    });
    let here = Location::caller();
    failure.add_step(Step::made(here));
    assert_eq!(failure.to_string(), "outer");
    assert_eq!(
        format!("{failure:#}"),
        "outer: invalid digit found in string"
    );
    let debug = format!("{failure:?}");
    let mut lines = debug.lines();
    assert_eq!(lines.next(), Some("outer: invalid digit found in string"));
    assert!(lines.next().unwrap().starts_with("  raised at "));
    assert_eq!(
        lines.next(),
        Some(&*format!("  made at {}:{}", file!(), here.line()))
    );
}

// C38
#[test]
fn rendering_survives_a_broken_error() {
    for broken in [Broken::Fails, Broken::Panics, Broken::IsItsOwnSource] {
        let failure = Failure::from(broken);
        for text in [
            format!("{failure}"),
            format!("{failure:#}"),
            format!("{failure:?}"),
        ] {
            assert!(!text.is_empty());
        }
    }
    let panics = Failure::from(Broken::Panics).to_string();
    assert!(panics.starts_with("began <"), "{panics}");
    assert!(panics.contains("no text today"), "{panics}");
}

#[test]
fn a_long_path_keeps_its_ends_and_counts_the_middle() {
    let mut failure = Failure::from(parse_error());
    let (first, last) = (Location::caller(), here());
    failure.add_step(Step::made(first));
    for _ in 0..100 {
        failure.add_step(Step::passed(first));
    }
    failure.add_step(Step::passed(last));
    let path = failure.path();
    assert_eq!(path.steps().len() + path.elided(), 102);
    assert_eq!(path.steps().first(), Some(&Step::made(first)));
    assert_eq!(path.steps().last(), Some(&Step::passed(last)));
    assert!(path.to_string().contains("\n... 86 more\n"));
}

#[track_caller]
fn here() -> &'static Location<'static> {
    Location::caller()
}
