#[durable(key = host, per_key = 2, rate_per_key = "1/s", debounce = "5s")]
async fn fetch(path: String, host: &str) -> String {
    path + host
}
