//! `cairn options`: the table of options for people.

use std::io::Write;

use cairn_server::config::Setting;

use crate::config::{Kind, OPTIONS};

/// Prints every option with its names, kind and default.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for opt in OPTIONS {
        let kind = match opt.kind {
            Kind::Text => "text",
            Kind::Secret => "secret",
            Kind::Number => "number",
            Kind::Flag => "true or false",
            Kind::List => "list",
        };
        write!(out, "{} ({kind}; {}", opt.key, opt.variable())?;
        if let Some(reference) = opt.reference {
            write!(out, "; {reference}")?;
        }
        writeln!(out, ")")?;
        writeln!(out, "    {}", Setting::about(opt.key).unwrap_or_default())?;
        let default = Setting::default_in_words(opt.key).unwrap_or(opt.default);
        if !default.is_empty() {
            writeln!(out, "    default: {default}")?;
        }
    }
    Ok(())
}
