#[durable(service = "shop", expire = days(30))]
impl Cart {
    /// One more.
    #[durable(retry = Retry::never())]
    pub async fn add(&mut self, item: &str) -> usize {
        self.items.push(item.to_owned());
        self.len()
    }

    async fn all(&self) -> Self {
        self.clone()
    }

    fn len(&self) -> usize {
        self.items.len()
    }
}
