//! What is known of one item from its source.

use std::path::{Path, PathBuf};

use syn::{Attribute, ImplItem, Meta, Visibility};

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
