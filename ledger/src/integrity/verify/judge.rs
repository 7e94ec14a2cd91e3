//! Which copy is right, and how far the log is proved.

use super::copies::{Copy3, Hashed};
use super::report::{Against, Report};
use super::signed::{Believed, SignedHead};
use super::{Code, Fault, Position, Sources};
use crate::integrity::checkpoint::TreeHead;
use crate::integrity::publish::CHECKPOINT;

/// Every head against every copy.
pub(super) fn judge(
    report: &mut Report,
    hashed: &Hashed,
    heads: &[SignedHead],
    believed: &Believed,
    size: u64,
    sources: &Sources,
) {
    report.faults.extend(hashed.faults.iter().cloned());
    let mut counted: Vec<(&SignedHead, Vec<String>)> = Vec::new();
    for head in heads {
        match believed.signers(&head.head, &head.note) {
            Ok(by) => counted.push((head, by)),
            Err(cause) => {
                let cause = format!("{}: {cause}", head.place);
                report.faults.push(Fault::new(Code::HeadForeign, cause));
            }
        }
    }
    report.looked("signed heads", counted.len() as u64);
    let own = if sources.stored.is_some() { Copy3::Stored } else { Copy3::Published };
    report.root = hex::encode(hashed.tree(own).root());
    for (head, _) in &counted {
        one_head(report, hashed, head, (own, size));
    }
    forks(report, &counted);
    let best = counted.iter().max_by_key(|(head, _)| head.head.size);
    let Some((best, by)) = best else {
        if report.entries > 0 && !report.faults.iter().any(|fault| fault.code == Code::HeadForeign) {
            report.faults.push(Fault::new(Code::HeadMissing, "no signed head is valid"));
        }
        return;
    };
    report.signed_by.clone_from(by);
    report.proved = proved(hashed, &counted, &best.head, own);
}

/// How many entries are exactly those that were signed.
fn proved(hashed: &Hashed, counted: &[(&SignedHead, Vec<String>)], best: &TreeHead, own: Copy3) -> u64 {
    let tree = hashed.tree(own);
    if tree.root_at(best.size) == Some(&best.root) {
        return best.size;
    }
    let held =
        counted.iter().map(|(head, _)| &head.head).filter(|head| tree.root_at(head.size) == Some(&head.root));
    let by_head = held.map(|head| head.size).max().unwrap_or(0);
    // Where another copy has the signed root, everything before the first difference is right.
    let right = hashed.right(best.size, &best.root);
    let by_copy = right.map_or(0, |right| {
        let differs = hashed.first_difference(own, right);
        differs.unwrap_or_else(|| tree.size().min(best.size))
    });
    by_head.max(by_copy)
}

fn one_head(report: &mut Report, hashed: &Hashed, signed: &SignedHead, (own, size): (Copy3, u64)) {
    let (place, head) = (signed.place, &signed.head);
    let right = hashed.right(head.size, &head.root);
    let first = |copy| right.and_then(|right| hashed.first_difference(copy, right)).map(Position);
    if own == Copy3::Stored && head.size > size {
        let cause = format!("the store has {size} entries, and {place} signed {}", head.size);
        report.faults.push(Fault::new(Code::LogShorter, cause).at(Position(size)));
    } else if hashed.tree(own).root_at(head.size) != Some(&head.root) {
        let found = hashed.tree(own).root_at(head.size).map_or("none".to_owned(), hex::encode);
        let cause = format!(
            "the first {} entries have root {found}, and {place} signed {}",
            head.size,
            hex::encode(head.root)
        );
        let code = if own == Copy3::Stored { Code::RootDiffers } else { Code::BundleDiffers };
        report.faults.push(Fault { code, cause, position: first(own) });
    }
    if place != CHECKPOINT {
        return;
    }
    for (copy, code, name) in [
        (Copy3::Published, Code::BundleDiffers, "published entries"),
        (Copy3::Tiles, Code::TileDiffers, "published hashes"),
    ] {
        let known = report.faults.iter().any(|fault| fault.code == code);
        if !known && hashed.tree(copy).root_at(head.size) != Some(&head.root) {
            let cause = format!("the {name} do not have the root that the checkpoint signed");
            report.faults.push(Fault { code, cause, position: first(copy) });
        }
    }
    report.looked("published entries", hashed.tree(Copy3::Published).size());
    report.looked("published hashes", hashed.tree(Copy3::Tiles).size());
}

/// Two heads of one size must be equal; otherwise two histories were signed.
fn forks(report: &mut Report, counted: &[(&SignedHead, Vec<String>)]) {
    for (one, _) in counted {
        let other = counted
            .iter()
            .find(|(other, _)| other.head.size == one.head.size && other.head.root != one.head.root);
        if let Some((other, _)) = other {
            let cause = format!("{}: {}; {}: {}", one.place, one.head, other.place, other.head);
            report.faults.push(Fault::new(Code::Fork, cause));
            return;
        }
    }
}

/// Whether today's log begins with a head that was kept elsewhere.
pub(super) fn against(
    report: &mut Report,
    hashed: &Hashed,
    kept: Result<SignedHead, String>,
    believed: &Believed,
    size: u64,
) {
    let kept = match kept {
        Ok(kept) => kept,
        Err(cause) => {
            report
                .faults
                .push(Fault::new(Code::HeadDamaged, format!("the kept head cannot be read: {cause}")));
            return;
        }
    };
    if let Err(cause) = believed.signers(&kept.head, &kept.note) {
        report
            .faults
            .push(Fault::new(Code::HeadForeign, format!("the kept head is not of this log: {cause}")));
        return;
    }
    let head = kept.head;
    let trees = [Copy3::Stored, Copy3::Published, Copy3::Tiles].map(|copy| hashed.tree(copy));
    let today = trees.iter().find_map(|tree| tree.root_at(head.size));
    let extends = today == Some(&head.root);
    report.against = Some(Against {
        size: head.size,
        root: hex::encode(head.root),
        today: today.map(hex::encode),
        extends,
    });
    if extends {
        return;
    }
    report.faults.push(match today {
        Some(root) => {
            let cause = format!(
                "the log was changed after it was signed: the kept head has root {} at {} entries, today's log {}",
                hex::encode(head.root),
                head.size,
                hex::encode(root)
            );
            Fault::new(Code::Fork, cause)
        }
        None => {
            let cause = format!("the kept head has {} entries, today's log {size}", head.size);
            Fault::new(Code::LogShorter, cause).at(Position(size))
        }
    });
}
