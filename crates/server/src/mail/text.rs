//! A plain form of HTML that somebody else wrote, for readers of mail that show none.

/// The text of an HTML fragment: tags gone, blocks on lines of their own, the common entities resolved.
pub(crate) fn plain(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (before, tagged) = rest.split_at(at);
        push(&mut out, before);
        let Some(end) = tagged.find('>') else {
            rest = "";
            break;
        };
        let (tag, after) = tagged.split_at(end + 1);
        let name = name_of(tag);
        if is_block(&name) && !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        let hides = matches!(name.as_str(), "script" | "style" | "head" | "title");
        rest = if hides && !tag.starts_with("</") { skip_to_end(after, &name) } else { after };
    }
    push(&mut out, rest);
    out.trim().to_owned()
}

/// The name of a tag in lower case, the same for opening and closing ones.
fn name_of(tag: &str) -> String {
    let inside = tag.trim_start_matches('<').trim_start_matches('/');
    inside.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "br" | "div" | "li" | "ul" | "ol" | "tr" | "table" | "h1" | "h2" | "h3" | "h4" | "hr"
    )
}

/// What follows the closing tag of an element whose content is not text.
fn skip_to_end<'a>(html: &'a str, name: &str) -> &'a str {
    let close = format!("</{name}");
    let at = html.to_ascii_lowercase().find(&close);
    at.and_then(|at| html.get(at..)).unwrap_or_default()
}

/// Adds text with its white space folded.
fn push(out: &mut String, text: &str) {
    for c in entities(text).chars() {
        if !c.is_whitespace() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with([' ', '\n']) {
            out.push(' ');
        }
    }
}

fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let end = from.find(';').filter(|end| *end <= 10);
        match end.and_then(|end| Some((entity(from.get(1..end)?)?, end))) {
            Some((c, end)) => {
                out.push(c);
                rest = from.get(end + 1..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return code.ok().and_then(char::from_u32);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn html_is_read_as_text() {
        for (html, text) in [
            ("", ""),
            ("just text", "just text"),
            ("<p>One</p><p>Two &amp; <b>three</b></p>", "One\nTwo & three"),
            ("a<br>b<br/>c", "a\nb\nc"),
            ("<head><title>T</title><style>p{}</style></head><p>x</p>", "x"),
            ("<script>alert('<p>')</script>after", "after"),
            ("1 &lt; 2 &#8211; &#x2013; &nonsense; &", "1 < 2 – – &nonsense; &"),
            ("broken <b", "broken"),
            ("<ul>\n  <li>a\n  <li>b\n</ul>", "a \nb"),
        ] {
            assert_eq!(plain(html), text, "{html}");
        }
    }
}
