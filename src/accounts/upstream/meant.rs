//! What a login under a name means while old servers stand: both forms of an international domain are looked for, and
//! a name without a domain is nobody's as long as it may be several people's.

use super::kinds::{Meant, Scope, Standing, Upstream};
use super::{here, upstream_behind};
use crate::accounts::{Error, domain_of};
use crate::mail::{AccountAddress, Domain};
use rusqlite::{Connection, Params};

/// Accounts of that name, those without an old server first. Two rows are enough to know that a name is not
/// the name of one.
const NAMED: &str = "SELECT domain, EXISTS (SELECT 1 FROM upstreams u
                                            WHERE u.domain = a.domain AND u.local_part IN (?1, ''))
                   OR EXISTS (SELECT 1 FROM json_each(?2) other
                              WHERE other.value ->> 1 = a.domain AND other.value ->> 0 IN (?1, '')) AS has
    FROM accounts a WHERE local_part = ?1 ORDER BY has LIMIT 2";
const BY_NAME: &str = "SELECT domain, 1 FROM upstreams WHERE local_part IN (?1, '') GROUP BY domain LIMIT 2";
/// Domains that may have another form: those with letters, in either.
const INTERNATIONAL: &str = "SELECT local_part, domain FROM upstreams
    WHERE domain LIKE '%xn--%' OR domain GLOB '*[^ -~]*'";
const IS_ALIAS: &str = "SELECT EXISTS (SELECT 1 FROM aliases WHERE local_part = ?1 AND domain = ?2)";

/// Both forms of an international domain are one. Who is here has the form of the account, and who may come that of the
/// old server: mail for them is delivered there.
pub(super) fn of_address(db: &Connection, typed: &AccountAddress) -> Result<Meant, Error> {
    let Some((upstream, form)) = behind_any_form(db, typed)? else { return Ok(Meant::Ours) };
    let mut is_alias = false;
    for address in forms(typed) {
        let here = here(db, &address)?;
        if here.is_some() {
            // An address is one of both.
            return Ok(Meant::Behind(Box::new(Standing { address, upstream, here, is_alias: false })));
        }
        is_alias |= db
            .prepare_cached(IS_ALIAS)?
            .query_row((address.local_part(), address.domain().as_str()), |row| row.get::<_, bool>(0))?;
    }
    Ok(Meant::Behind(Box::new(Standing { address: form, upstream, here: None, is_alias })))
}

/// Who is here goes before everybody who may come, and who has no old server before those who have one.
pub(super) fn of_bare_name(db: &Connection, local_part: &str) -> Result<Meant, Error> {
    let mut behind = domains(db, BY_NAME, (local_part,))?;
    // Where no old server stands this is all that a login costs.
    if behind.is_empty() {
        return Ok(Meant::Ours);
    }
    let mut here = domains(db, NAMED, (local_part, others(db)?))?;
    if here.first().is_some_and(|(_, has_upstream)| !has_upstream) {
        return Ok(Meant::Ours);
    }
    let candidates = if here.is_empty() { &mut behind } else { &mut here };
    let Some((domain, _)) = candidates.pop().filter(|_| candidates.is_empty()) else {
        return Ok(Meant::Unclear);
    };
    AccountAddress::new(local_part, domain).map_or(Ok(Meant::Ours), |address| of_address(db, &address))
}

/// Domains, and whether an old server stands behind that local part there.
fn domains(db: &Connection, query: &str, values: impl Params) -> Result<Vec<(Domain, bool)>, Error> {
    let mut query = db.prepare_cached(query)?;
    let mut rows = query.query(values)?;
    let mut domains = Vec::new();
    while let Some(row) = rows.next()? {
        domains.push((domain_of(&row.get::<_, String>(0)?)?, row.get(1)?));
    }
    Ok(domains)
}

/// The old server behind an address in either form, and the form that it stands behind.
pub(super) fn behind_any_form(
    db: &Connection,
    address: &AccountAddress,
) -> Result<Option<(Upstream, AccountAddress)>, Error> {
    let mut found = Vec::new();
    for form in forms(address) {
        found.extend(upstream_behind(db, &form)?.map(|upstream| (upstream, form)));
    }
    // That of an address goes before that of its domain.
    Ok(found.into_iter().min_by_key(|(upstream, _)| matches!(upstream.scope, Scope::Domain(_))))
}

/// Whom old servers stand behind whose domain has another form, by that one: a JSON array of local part and domain
/// each, as the queries above take it, since SQL does not know the forms.
pub(super) fn others(db: &Connection) -> Result<String, Error> {
    let mut query = db.prepare_cached(INTERNATIONAL)?;
    let mut rows = query.query(())?;
    let mut others = Vec::new();
    while let Some(row) = rows.next()? {
        let other = domain_of(&row.get::<_, String>(1)?)?.other_form();
        if let Some(other) = other {
            others.push([row.get::<_, String>(0)?, other.as_str().to_owned()]);
        }
    }
    Ok(serde_json::json!(others).to_string())
}

/// As it is written, then with its domain in the other form.
fn forms(address: &AccountAddress) -> impl Iterator<Item = AccountAddress> {
    [Some(address.clone()), address.in_other_form()].into_iter().flatten()
}
