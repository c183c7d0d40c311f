//! How much one address may ask for. What costs little, the static log above all, is not counted.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Mutex,
    time::{Duration, Instant},
};

use actix_web::{dev::ServiceRequest, http::header::HeaderName};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    state::keyed::DefaultKeyedStateStore,
};

use crate::http::is_read;

/// How many seconds' worth of requests may come at once.
const BURST_SECONDS: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// Most addresses that are remembered; when there are more, those that have been quiet are forgotten: some 10 MB.
const MOST_ADDRESSES: usize = 100_000;

/// How often quiet addresses are looked for, which goes through all of them.
const FORGETTING_INTERVAL: Duration = Duration::from_secs(1);

/// What is answered from the index or made from tiles; writes are counted too.
const COUNTED: [&str; 5] = [
    "/api/v1/lookup",
    "/api/v1/search",
    "/api/v1/artifacts",
    "/api/v1/publishers",
    "/api/v1/log",
];

/// Whether a request counts. The path may be that of a route.
pub(crate) fn is_counted(is_read: bool, path: &str) -> bool {
    !is_read || COUNTED.iter().any(|counted| path.starts_with(counted))
}

/// The limits of all addresses.
#[derive(Debug)]
pub(crate) struct Rates {
    limiter: RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock>,
    clock: DefaultClock,
    header: Option<HeaderName>,
    forgotten: Mutex<Instant>,
}

impl Rates {
    /// `a_second` requests a second for each address, which stands in `header` when a proxy says it; none for 0.
    pub(crate) fn new(a_second: u32, header: Option<HeaderName>) -> Option<Self> {
        let rate = NonZeroU32::new(a_second)?;
        let quota = Quota::per_second(rate).allow_burst(rate.saturating_mul(BURST_SECONDS));
        Some(Self {
            limiter: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            header,
            forgotten: Mutex::new(Instant::now()),
        })
    }

    /// Counts a request; how long its address has to wait when it asked too much.
    pub(crate) fn wait(&self, request: &ServiceRequest) -> Option<Duration> {
        if !is_counted(is_read(request.method()), request.path()) {
            return None;
        }
        let address = self.address(request)?;
        self.forget_quiet_ones();
        let refused = self.limiter.check_key(&address).err()?;
        Some(refused.wait_time_from(self.clock.now()))
    }

    fn forget_quiet_ones(&self) {
        if self.limiter.len() <= MOST_ADDRESSES {
            return;
        }
        // Whoever finds it locked leaves it to the one who holds it.
        if let Ok(mut forgotten) = self.forgotten.try_lock()
            && forgotten.elapsed() >= FORGETTING_INTERVAL
        {
            self.limiter.retain_recent();
            *forgotten = Instant::now();
        }
    }

    /// Whom a request counts for: the last address in the header, which the proxy has put there, else the one that is
    /// connected. Loopback is nobody in particular: a proxy that says no address, or the machine itself.
    fn address(&self, request: &ServiceRequest) -> Option<IpAddr> {
        let said = self
            .header
            .as_ref()
            .and_then(|name| request.headers().get_all(name).last());
        let said = said.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        let address = said.or_else(|| Some(request.peer_addr()?.ip()))?.to_canonical();
        (!address.is_loopback()).then(|| network(address))
    }
}

/// Of IPv6 the first 64 bits, since whoever has one address has all of these.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn search(peer: &str, said: Option<&str>) -> ServiceRequest {
        let peer = format!("{peer}:9").parse().unwrap();
        let mut request = TestRequest::get().uri("/api/v1/search?q=x").peer_addr(peer);
        if let Some(said) = said {
            request = request.insert_header(("X-Forwarded-For", said));
        }
        request.to_srv_request()
    }

    /// How many of 40 are let through.
    fn passed(rates: &Rates, peer: &str, said: Option<&str>) -> usize {
        (0..40)
            .filter(|_| rates.wait(&search(peer, said)).is_none())
            .count()
    }

    #[test]
    fn each_address_has_its_own_share() {
        let rates = Rates::new(2, None).unwrap();
        for peer in ["203.0.113.7", "203.0.113.8", "[2001:db8::1]"] {
            let passed = passed(&rates, peer, Some("198.51.100.1"));
            assert!((20..=22).contains(&passed), "{peer}: {passed}");
        }
        // Another address of the same network, and one of another.
        assert!(passed(&rates, "[2001:db8::2]", None) <= 2);
        assert!(passed(&rates, "[2001:db8:0:1::1]", None) >= 20);
        let wait = rates.wait(&search("203.0.113.7", None)).unwrap();
        assert!(wait <= Duration::from_millis(500), "{wait:?}");
        assert_eq!(passed(&rates, "127.0.0.1", None), 40);
        assert!(Rates::new(0, None).is_none());
    }

    #[test]
    fn behind_a_proxy_the_last_address_of_its_header_counts() {
        let header = Some(HeaderName::from_static("x-forwarded-for"));
        let rates = Rates::new(2, header).unwrap();
        assert!(passed(&rates, "127.0.0.1", Some("10.9.9.9, 203.0.113.7")) <= 22);
        // What the client wrote itself stands before it.
        assert!(passed(&rates, "127.0.0.1", Some("10.1.1.1, 203.0.113.7")) <= 2);
        assert!(passed(&rates, "127.0.0.1", Some("203.0.113.8")) >= 20);
        assert_eq!(passed(&rates, "127.0.0.1", Some("nobody")), 40);
    }

    #[test]
    fn the_static_log_is_not_counted() {
        let rates = Rates::new(1, None).unwrap();
        let peer = "203.0.113.7:9".parse().unwrap();
        for path in [
            "/log/checkpoint",
            "/log/tile/0/000",
            "/api/v1/records/x/proof",
            "/",
        ] {
            let ask = || TestRequest::get().uri(path).peer_addr(peer).to_srv_request();
            assert!((0..30).all(|_| rates.wait(&ask()).is_none()), "{path}");
        }
        let write = || {
            let request = TestRequest::post().uri("/api/v1/attestations");
            request.peer_addr(peer).to_srv_request()
        };
        assert!((0..30).any(|_| rates.wait(&write()).is_some()));
    }
}
