//! Names that nobody may take under the server's own domains: they would pass for the host, for a service, or for a
//! person who is not there. Administrators can still hand them out.

/// Separated by white space. Names of more than 18 characters are not listed: those are refused anyway.
const NAMES: &str = include_str!("reserved_names.txt");

/// Whether `name`, the part of a handle before the server's domain, is kept back.
pub fn is_reserved(name: &str) -> bool {
    NAMES.split_ascii_whitespace().any(|reserved| reserved == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_services_are_reserved_and_names_of_people_are_not() {
        for name in ["admin", "support", "www", "pds", "atproto", "security"] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["alice", "bobby", "carla", "dan-the-man", ""] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn every_name_on_the_list_could_be_taken_otherwise() {
        let is_label = |name: &str| {
            name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        assert!(
            NAMES
                .split_ascii_whitespace()
                .all(|name| is_label(name) && (3..=18).contains(&name.len()))
        );
    }
}
