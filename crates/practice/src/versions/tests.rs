use super::*;

/// A document of set `s`: version, id, parent, octets.
fn doc(version: i64, id: &str, replaces: Option<&str>) -> Marks {
    Marks {
        cda_id: Some(id.into()),
        set_id: Some("s".into()),
        version: Some(version),
        replaces_id: replaces.map(str::to_owned),
        sha256: format!("octets of {id}"),
        organisation: "Laboratoire".into(),
        organisation_id: Some("1".into()),
        sender: Some("labo@lab.mssante.fr".into()),
    }
}

fn shelf(known: &[(Marks, Standing)]) -> Shelf {
    let known = (1..).zip(known).map(|(id, (marks, standing))| Known {
        id,
        marks: marks.clone(),
        standing: *standing,
        replaced: false,
    });
    Shelf { known: known.collect(), orphans: Vec::new() }
}

#[test]
fn a_document_alone_is_new_whatever_it_says_that_it_replaces() {
    let shelf = shelf(&[]);
    for action in [Action::Create, Action::Replace] {
        let stand = shelf.stand(action, &doc(2, "b", Some("a")));
        assert_eq!(stand, Stand { standing: Standing::New, of: None, request: None });
    }
}

#[test]
fn the_same_octets_or_the_same_id_and_version_are_a_duplicate_and_another_version_is_a_conflict() {
    let shelf = shelf(&[(doc(1, "a", None), Standing::New)]);
    assert_eq!(shelf.stand(Action::Create, &doc(1, "a", None)).standing, Standing::Duplicate);
    let retold = Marks { sha256: "other octets".into(), ..doc(1, "a", None) };
    assert_eq!(shelf.stand(Action::Replace, &retold).standing, Standing::Duplicate);
    let conflict = Marks { version: Some(2), ..retold };
    assert_eq!(shelf.stand(Action::Create, &conflict).standing, Standing::SameIdOtherContent);
    let nameless = Marks { cda_id: None, set_id: None, ..doc(1, "a", None) };
    assert_eq!(shelf.stand(Action::Create, &nameless).standing, Standing::Duplicate, "by octets alone");
}

#[test]
fn a_new_version_is_told_by_its_parent_else_by_its_set() {
    let shelf = shelf(&[(doc(1, "a", None), Standing::New)]);
    for replaces in [Some("a"), Some("nobody's id"), None] {
        let stand = shelf.stand(Action::Replace, &doc(2, "b", replaces));
        assert_eq!((stand.standing, stand.of), (Standing::NewVersion, Some(1)), "{replaces:?}");
        assert_eq!(stand.request, Some((RequestKind::Replacement, Some(1), None)));
    }
    let setless = Marks { set_id: None, version: None, ..doc(2, "b", Some("a")) };
    assert_eq!(shelf.stand(Action::Create, &setless).standing, Standing::NewVersion);
}

#[test]
fn an_older_version_that_comes_late_is_obsolete_by_its_set_and_by_who_replaces_it() {
    let both = shelf(&[(doc(2, "b", Some("a")), Standing::New)]);
    assert_eq!(both.stand(Action::Create, &doc(1, "a", None)).standing, Standing::Obsolete);
    assert_eq!(both.stand(Action::Replace, &doc(2, "c", Some("a"))).standing, Standing::Obsolete);
    let setless = Marks { set_id: None, version: None, ..doc(1, "a", None) };
    let stand = both.stand(Action::Create, &setless);
    assert_eq!((stand.standing, stand.of, stand.request), (Standing::Obsolete, Some(1), None));
}

#[test]
fn a_deletion_is_read_before_anything_else_and_meets_its_own_octets() {
    let shelf = shelf(&[(doc(1, "a", None), Standing::New), (doc(2, "b", Some("a")), Standing::NewVersion)]);
    let stand = shelf.stand(Action::Delete, &doc(2, "b", Some("a")));
    assert_eq!(stand.standing, Standing::DeletionRequest);
    assert_eq!(stand.request, Some((RequestKind::Deletion, Some(2), None)));
    let stand = shelf.stand(Action::Delete, &doc(1, "a", None));
    assert_eq!(stand.request, Some((RequestKind::Deletion, Some(1), Some(900))), "a newer one is here");
    let stand = shelf.stand(Action::Delete, &doc(3, "c", Some("b")));
    assert_eq!(stand.request, Some((RequestKind::Deletion, None, None)), "never another document");
}

#[test]
fn carriers_and_duplicates_are_nobodys_original() {
    let carrier = shelf(&[(doc(1, "a", None), Standing::DeletionRequest)]);
    assert_eq!(carrier.stand(Action::Create, &doc(1, "a", None)).standing, Standing::New);
    assert_eq!(carrier.stand(Action::Delete, &doc(1, "a", None)).of, None);
}

#[test]
fn what_asks_must_come_from_the_same_mailbox_or_structure() {
    let shelf = shelf(&[(doc(1, "a", None), Standing::New)]);
    let elsewhere = Marks { sender: Some("x@other.mssante.fr".into()), ..doc(2, "b", Some("a")) };
    let code = |marks: &Marks| shelf.stand(Action::Replace, marks).request.unwrap().2;
    assert_eq!(code(&elsewhere), None, "the structure is the same");
    let other = Marks { organisation_id: Some("2".into()), ..elsewhere };
    assert_eq!(code(&other), Some(901));
    let unnamed = Marks { organisation_id: None, organisation: "LABORATOIRE".into(), ..other.clone() };
    assert_eq!(code(&unnamed), None, "by name where there is no number");
    let stand = shelf.stand(Action::Delete, &Marks { cda_id: Some("a".into()), ..other });
    assert_eq!(stand.request.unwrap().2, Some(901));
}

#[test]
fn a_version_of_what_is_replaced_already_has_code_900() {
    let mut shelf = shelf(&[(doc(1, "a", None), Standing::New)]);
    shelf.known[0].replaced = true;
    let stand = shelf.stand(Action::Replace, &Marks { set_id: None, ..doc(2, "c", Some("a")) });
    assert_eq!(stand.request.unwrap().2, Some(900));
}

#[test]
fn an_orphan_finds_the_document_that_comes_after_it() {
    let mut shelf = shelf(&[]);
    shelf.orphans.push(Orphan { request: 7, marks: doc(1, "a", None) });
    let known = |marks| Known { id: 3, marks, standing: Standing::New, replaced: false };
    assert_eq!(shelf.orphan_of(&known(doc(1, "a", None))), Some((7, None)));
    assert_eq!(shelf.orphan_of(&known(doc(1, "b", None))), None);
}
