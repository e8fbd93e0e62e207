pub(crate) trait Faults {
    fn refuse_first_token(&self, m: &str) -> String;
    fn open_old_tls(
        &self,
        run: i64,
    ) -> impl Future<Output = std::io::Result<operator::PrivateListeners>> + Send;
}
impl Faults for operator::Operator {
    fn refuse_first_token(&self, m: &str) -> String {
        m.into()
    }
    fn open_old_tls(
        &self,
        run: i64,
    ) -> impl Future<Output = std::io::Result<operator::PrivateListeners>> + Send {
        self.open_private(run)
    }
}
