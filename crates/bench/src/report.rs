//! The table at the end: a row per measurement and server.

use std::fmt::Write;

/// What one row found about one server.
#[derive(Debug, Default, Clone)]
pub(crate) struct Figures {
    /// CPU of the server per operation, in milliseconds.
    pub(crate) cpu_ms: Option<f64>,
    /// Operations per second.
    pub(crate) per_second: Option<f64>,
    /// Median and 99th percentile of the latency, in milliseconds.
    pub(crate) latency_ms: Option<(f64, f64)>,
    /// Anything else, in words.
    pub(crate) note: String,
}

/// All rows so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<(String, String, Result<Figures, String>)>,
}

impl Report {
    /// Adds a result, and shows it at once.
    pub(crate) fn add(&mut self, row: &str, target: &str, figures: Figures) {
        eprintln!("  {figures:?}");
        self.lines.push((row.to_owned(), target.to_owned(), Ok(figures)));
    }

    /// Adds a failure.
    pub(crate) fn fail(&mut self, row: &str, target: &str, err: &anyhow::Error) {
        eprintln!("  failed: {err:#}");
        self.lines.push((row.to_owned(), target.to_owned(), Err(format!("{err:#}"))));
    }

    /// The table as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut out = String::from(
            "| row | server | CPU-ms/op | ops/s | p50 ms | p99 ms | notes |\n|---|---|---|---|---|---|---|\n",
        );
        for (row, target, result) in &self.lines {
            let cells = match result {
                Ok(figures) => format!(
                    "{} | {} | {} | {} | {}",
                    number(figures.cpu_ms),
                    number(figures.per_second),
                    number(figures.latency_ms.map(|l| l.0)),
                    number(figures.latency_ms.map(|l| l.1)),
                    figures.note
                ),
                Err(err) => format!("| | | | failed: {err}"),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "| {row} | {target} | {cells} |");
        }
        out
    }
}

fn number(value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) if value >= 1.0 => format!("{value:.2}"),
        Some(value) => format!("{value:.4}"),
    }
}
