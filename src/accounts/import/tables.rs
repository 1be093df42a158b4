//! The two tables that come as comma-separated values, with their columns named in the first line.

use super::csv::{Row, rows};
use super::{Entry, Reader, text};
use crate::accounts::scheme::{HMAILSERVER, Secret, Unusable};
use std::borrow::Cow;

/// `address,password[,scheme]`
pub fn plain(octets: &[u8], reader: &mut Reader<'_>) {
    each(octets, reader, ["address", "password"], |table, row, name| {
        let (password, scheme) = (table.field(row, "password"), table.field(row, "scheme").trim_ascii());
        let scheme = text(scheme).trim_matches(['{', '}']).to_owned();
        let braced = format!("{{{scheme}}}").into_bytes();
        if scheme.is_empty() || starts_with_in_any_case(password, &braced) {
            return Secret::parse(password, name);
        }
        Secret::parse(&[&braced, password].concat(), name)
    });
}

/// hMailServer's `hm_accounts`.
pub fn hmailserver(octets: &[u8], reader: &mut Reader<'_>) {
    let columns = ["accountaddress", "accountpassword", "accountpwencryption"];
    each(octets, reader, columns, |table, row, name| {
        let password = table.field(row, columns[1]);
        if table.field(row, "accountactive").trim_ascii() == b"0" || password.is_empty() {
            return Ok(Secret::Locked);
        }
        let as_scheme =
            |scheme: &str| Secret::parse(&[format!("{{{scheme}}}").as_bytes(), password].concat(), name);
        match table.field(row, columns[2]).trim_ascii() {
            b"0" => Secret::clear(password),
            b"1" => Err(Unusable(
                "Blowfish (1), which is no hash: hMailServer's own key is needed for it".to_owned(),
            )),
            b"2" => as_scheme("PLAIN-MD5"),
            b"3" => as_scheme(HMAILSERVER),
            // What is no number may stand in the wrong column, as a password would.
            other if other.is_empty() || !other.iter().all(u8::is_ascii_digit) => {
                Err(Unusable("accountpwencryption is no number; 0, 2 and 3 are known".to_owned()))
            }
            other => Err(Unusable(format!("accountpwencryption {}; 0, 2 and 3 are known", text(other)))),
        }
    });
}

/// Takes each row below the heading; the first of the columns that must be there has the address.
fn each<const N: usize>(
    octets: &[u8],
    reader: &mut Reader<'_>,
    needed: [&str; N],
    secret: impl Fn(&Table, &Row<'_>, &str) -> Result<Secret, Unusable>,
) {
    let mut rows = rows(octets).into_iter();
    let table = rows.next().and_then(|heading| Table::of(&heading, &needed));
    let Some(table) = table else {
        let why = format!("the first line must name the columns: {}", needed.join(","));
        return reader.refuse(1, String::new(), why);
    };
    for row in rows {
        let name = table.field(&row, needed[0]).trim_ascii();
        // Before any of it is shown: what is too much may be a part of a password.
        if row.fields.len() > table.0.len() {
            let why =
                "more fields than the first line names: put quotation marks around one with a comma in it";
            reader.refuse(row.line, text(name), why);
            continue;
        }
        let entry = Entry { line: row.line, name, ..Entry::default() };
        reader.take(entry, |name| secret(&table, &row, name));
    }
}

/// Which column is where.
struct Table(Vec<String>);

impl Table {
    /// `None` when one of the columns is missing.
    fn of(heading: &Row<'_>, needed: &[&str]) -> Option<Self> {
        let name = |field: &Cow<'_, [u8]>| text(field.trim_ascii()).to_ascii_lowercase();
        let table = Self(heading.fields.iter().map(name).collect());
        needed.iter().all(|name| table.0.iter().any(|known| known == name)).then_some(table)
    }

    /// Empty where the row is too short.
    fn field<'a>(&self, row: &'a Row<'_>, name: &str) -> &'a [u8] {
        let at = self.0.iter().position(|known| known == name);
        at.and_then(|at| row.fields.get(at)).map_or(&[], |field| field.as_ref())
    }
}

fn starts_with_in_any_case(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
}
