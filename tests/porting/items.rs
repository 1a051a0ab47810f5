//! What is known of one item from its source.

use std::path::{Path, PathBuf};

use syn::{Attribute, Expr, ImplItem, Lit, Meta, Visibility};

pub(crate) fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

/// The name in `#[doc(alias = "name")]`.
pub(crate) fn alias(attribute: &Attribute) -> Option<String> {
    if !attribute.path().is_ident("doc") {
        return None;
    }
    let mut alias = None;
    let _ = attribute.parse_nested_meta(|meta| {
        if meta.path.is_ident("alias") {
            alias = Some(meta.value()?.parse::<syn::LitStr>()?.value());
        }
        Ok(())
    });
    alias
}

/// `#[doc(hidden)]`: it is public for other packages of ours, not for users.
pub(crate) fn is_hidden(attributes: &[Attribute]) -> bool {
    let mut is_hidden = false;
    for attribute in attributes.iter().filter(|it| it.path().is_ident("doc")) {
        let _ = attribute.parse_nested_meta(|meta| {
            is_hidden |= meta.path.is_ident("hidden");
            Ok(())
        });
    }
    is_hidden
}

/// Whether its documentation has a piece of Rust that is compiled, and so a test.
pub(crate) fn has_example(attributes: &[Attribute]) -> bool {
    let texts: Vec<String> = attributes.iter().filter_map(documentation).collect();
    let fences = texts
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.trim_start().strip_prefix("```"));
    fences
        .step_by(2)
        .any(|language| ["", "rust", "no_run", "should_panic"].contains(&language.trim()))
}

/// The text of a `///` line.
fn documentation(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// The methods that a macro without arguments stands for.
pub(crate) fn methods_of(item: &syn::ItemMacro) -> Option<Vec<ImplItem>> {
    let text = item
        .mac
        .tokens
        .to_string()
        .replace("$ crate", "crate")
        .replace("$crate", "crate");
    let body = text
        .strip_prefix("() => {")?
        .trim_end_matches(';')
        .trim_end()
        .strip_suffix('}')?;
    let parsed = syn::parse_str::<syn::ItemImpl>(&format!("impl Some {{ {body} }}"));
    Some(parsed.ok()?.items)
}

pub(crate) fn file_of(module: &Path) -> PathBuf {
    let beside = module.with_extension("rs");
    if beside.exists() {
        return beside;
    }
    module.join("mod.rs")
}
