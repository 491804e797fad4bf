//! The pictures beside words: drawn in the page, in the colour of the text, 24 units square.

use std::fmt;

use askama::filters::HtmlSafe;

/// A picture that adds nothing for those who do not see it.
#[derive(Clone, Copy, Debug)]
pub struct Icon(&'static str);

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<svg class=\"icon\" viewBox=\"0 0 24 24\" aria-hidden=\"true\" focusable=\"false\"><path d=\"{}\"/></svg>",
            self.0
        )
    }
}

impl HtmlSafe for Icon {}

pub const ACCOUNT: Icon = Icon("M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20.5a7.5 7.5 0 0 1 15 0");
pub const ALERT: Icon = Icon(
    "M12 9v4.5M12 17h.01M10.3 4 2.7 17.2A2 2 0 0 0 4.4 20.2h15.2a2 2 0 0 0 1.7-3L13.7 4a2 2 0 0 0-3.4 0Z",
);
pub const APPS: Icon =
    Icon("M4 4h6.5v6.5H4zM13.5 4H20v6.5h-6.5zM4 13.5h6.5V20H4zM13.5 13.5H20V20h-6.5z");
pub const BACK: Icon = Icon("M20 12H4M10 6l-6 6 6 6");
pub const CHECK: Icon = Icon("m5 12.5 4.5 4.5L19 7.5");
pub const CHEVRON: Icon = Icon("m9 6 6 6-6 6");
pub const DEVICE: Icon = Icon("M4 5h16v11H4zM2 20h20M9 16v4M15 16v4");
pub const INBOX: Icon = Icon("M3.5 13.5 6.5 5h11l3 8.5V19h-17zM3.5 13.5H9a3 3 0 0 0 6 0h5.5");
pub const INFO: Icon = Icon("M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 11v5.5M12 7.5h.01");
pub const KEY: Icon =
    Icon("M8.5 19.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM11.7 11.8 20 3.5M16 7.5l3 3");
pub const MAIL: Icon = Icon("M3 5.5h18v13H3zM3.5 6.5 12 13l8.5-6.5");
pub const PLUS: Icon = Icon("M12 5v14M5 12h14");
pub const SHIELD: Icon = Icon(
    "M12 3 4.5 6v5.5c0 4.6 3 8 7.5 9.5 4.500-1.500 7.500-4.900 7.500-9.500V6L12 3ZM8.500 12l2.500 2.500 4.500-5",
);
pub const CHART: Icon = Icon("M4 20h16M7 16v-5M12 16V6M17 16V9");
pub const LIST: Icon = Icon("M8.500 6H20M8.500 12H20M8.500 18H20M4 6h.01M4 12h.01M4 18h.01");
pub const STREAM: Icon = Icon("M3 12h4l3-7 4 14 3-7h4");
pub const RELAY: Icon = Icon(
    "M12 14a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM7.800 16.200a6 6 0 0 1 0-8.400M16.200 7.800a6 6 0 0 1 0 8.400M5 19a10 10 0 0 1 0-14M19 5a10 10 0 0 1 0 14",
);
pub const GEAR: Icon = Icon(
    "M4 7h9M19 7h1M16 9.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM4 17h1M11 17h9M8 19.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z",
);
pub const TICKET: Icon = Icon(
    "M3.500 7h17v3.500a1.500 1.500 0 0 0 0 3V17h-17v-3.500a1.500 1.500 0 0 0 0-3zM14.500 7v10",
);
pub const ARCHIVE: Icon =
    Icon("M3.500 5h17v4h-17zM5 9v10.500h14V9M12 11.500v5M9.500 14.200l2.500 2.500 2.500-2.500");
pub const DOCUMENTS: Icon = Icon("M8 3.500h8l4 4v9.500H8zM8 7H4v13.500h11V17M15.500 3.500V8H20");
