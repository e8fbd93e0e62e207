use super::*;

#[test]
fn redirect_addresses_are_safe_ones() {
    for good in
        ["https://lps.example/cb?x=1", "http://localhost:9/cb", "http://[::1]:9/", "http://127.0.0.1/cb"]
    {
        assert!(check_redirect(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "/cb",
        "lps.example/cb",
        "http://lps.example/cb",
        "https://lps.example/#x",
        "https://lps.example@evil.test/cb",
        "javascript:alert(1)",
        "app://cb",
    ] {
        assert!(check_redirect(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_a_person_changed_survives_what_the_owner_declares() {
    let declare = |clients: &mut Clients, secret: &str| {
        let registration =
            ClientRegistration::new("lps", Secret::new(secret.into()), ["https://lps.example/cb"]);
        clients.register(registration).unwrap();
    };
    let mut clients = Clients::default();
    declare(&mut clients, "first");
    let second = clients.rotate("lps").unwrap();
    let edited = ClientSettings {
        redirect_uris: vec!["https://lps.example/other".into()],
        ..clients.find("lps").unwrap().settings
    };
    clients.save(edited.clone()).unwrap();
    clients.save(ClientSettings::new("made on the page")).unwrap();

    let mut again = Clients::from_records(clients.records());
    assert!(again.find("lps").is_none(), "its owner has not come yet");
    assert!(again.find("made on the page").is_some());
    declare(&mut again, "first");
    let client = again.find("lps").unwrap();
    assert!(!client.has_secret("first") && client.has_secret(second.reveal()), "a dead secret stays dead");
    assert_eq!(client.settings, edited);
    declare(&mut again, "the owner's own new one");
    assert!(again.find("lps").unwrap().has_secret("the owner's own new one"));
    assert!(again.remove("lps") && again.find("lps").is_none() && !again.remove("lps"));
}

#[test]
fn names_of_clients_are_bounded() {
    let mut clients = Clients::default();
    for bad in ["", "*", "é", "a\nb", &"x".repeat(101)] {
        assert!(matches!(clients.save(ClientSettings::new(bad)), Err(Error::ClientId(_))), "{bad}");
    }
    let none = ClientRegistration::new("certificate only", Secret::new(String::new()), [""; 0]);
    clients.register(none).unwrap();
    assert!(!clients.find("certificate only").unwrap().has_secret(""), "no secret is not an empty one");
}
