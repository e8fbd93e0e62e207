use bench::Error;
use i18n::text;
use serde_json::{Value, json};

use crate::cli::{Account, Cli};
use crate::client::Server;
use crate::output;

/// `vaguemestre account add` and `account list`.
pub(crate) async fn run(cli: &Cli, arguments: &Account) -> Result<u8, Error> {
    let server = Server::find(cli)?;
    match arguments {
        Account::Add(new) => {
            let body = json!({
                "nil": new.nil, "name": new.name, "product_version": new.product_version,
                "psc_id": new.psc_id, "app_id": new.app_id, "type": new.kind,
            });
            let product = server.post("/api/v1/products", &body).await?;
            if cli.json {
                output::json(&product);
            } else {
                output::say!("{}", text(cli.lang(), "cli-account-added"));
                show(&product);
            }
        }
        Account::List => {
            let list = server.get("/api/v1/products").await?;
            if cli.json {
                output::json(&list);
            } else {
                let products = list["products"].as_array().cloned().unwrap_or_default();
                if products.is_empty() {
                    output::say!("{}", text(cli.lang(), "cli-account-none"));
                }
                products.iter().for_each(show);
            }
        }
    }
    Ok(0)
}

fn show(product: &Value) {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    output::say!(
        "{} - {} {}",
        word(&product["nil"]),
        word(&product["name"]),
        word(&product["product_version"])
    );
    for mailbox in product["mailboxes"].as_array().into_iter().flatten() {
        output::say!(
            "  {:<4} {}  ({})",
            word(&mailbox["type"]),
            word(&mailbox["address"]),
            word(&mailbox["auth"])
        );
    }
    let client = &product["psc_client"];
    output::say!("  PSC  {}  ({})", word(&client["client_id"]), word(&client["secret_file"]));
}
