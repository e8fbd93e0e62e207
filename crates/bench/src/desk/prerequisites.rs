use std::collections::HashMap;

use kernel::Timestamp;
use sqlx::Row as _;

use crate::Bench;
use crate::error::{Code, Error};

/// What MOTCO2's editors are told to have before an account is made, in the order in which things are done.
const IDS: [&str; 8] = ["convergence", "nil", "candidature", "droits", "cpx", "id-psc", "id-app", "bas-psc"];

/// One line of the checklist that MOTCO2 asks for before an account is made (spec 00).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prerequisite {
    /// `convergence`, `nil`, `candidature`, `droits`, `cpx`, `id-psc`, `id-app`, `bas-psc`.
    pub id: &'static str,
    /// When it was ticked, if it is.
    pub ticked: Option<Timestamp>,
}

impl Bench {
    /// The checklist of a product, in the order in which things are done.
    ///
    /// # Errors
    /// `unknown_product`.
    pub async fn prerequisites(&self, nil: &str) -> Result<Vec<Prerequisite>, Error> {
        self.product(nil).await?;
        let rows = sqlx::query("SELECT id, ticked_us FROM prerequisite WHERE nil = $1")
            .bind(nil)
            .fetch_all(self.shared.parts.db.reader())
            .await
            .map_err(db::Error::from)?;
        let mut ticked = HashMap::new();
        for row in &rows {
            let id: String = row.try_get(0).map_err(db::Error::from)?;
            let at: i64 = row.try_get(1).map_err(db::Error::from)?;
            ticked.insert(id, Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH));
        }
        Ok(IDS.iter().map(|id| Prerequisite { id, ticked: ticked.get(*id).copied() }).collect())
    }

    /// Ticks or unticks a line; a line ticked again keeps its first date.
    ///
    /// # Errors
    /// `unknown_product`; `bad_input` where no line has this id.
    pub async fn tick(&self, nil: &str, id: &str, ticked: bool) -> Result<(), Error> {
        self.product(nil).await?;
        if !IDS.contains(&id) {
            let next = format!("Give one of: {}.", IDS.join(", "));
            return Err(
                Error::new(Code::BadInput, format!("no prerequisite is named {id:?}"), next).field("id")
            );
        }
        let (nil, id, now) = (nil.to_owned(), id.to_owned(), self.shared.parts.clock.now().as_microsecond());
        self.shared
            .parts
            .db
            .write(move |tx| {
                let (nil, id) = (nil.clone(), id.clone());
                Box::pin(async move {
                    let query = if ticked {
                        let sql = "INSERT INTO prerequisite (nil, id, ticked_us) VALUES ($1, $2, $3)
                                   ON CONFLICT (nil, id) DO NOTHING";
                        sqlx::query(sql).bind(&nil).bind(&id).bind(now)
                    } else {
                        sqlx::query("DELETE FROM prerequisite WHERE nil = $1 AND id = $2")
                            .bind(&nil)
                            .bind(&id)
                    };
                    query.execute(tx).await?;
                    Ok(())
                })
            })
            .await?;
        self.shared.touch();
        Ok(())
    }
}
