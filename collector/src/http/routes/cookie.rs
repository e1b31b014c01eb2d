//! `POST /v2/cookie`: sets the visitor's cookie of the request again.

use axum::extract::RawQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::query::parameter;
use crate::http::cookie_renewal;

/// Responds without content, and without a cookie where none may be renewed. The parameter `domain` is that for which the page sets its
/// cookies; empty for the widest.
pub(super) async fn renew(RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let query = query.unwrap_or_default();
    let domain = parameter(&query, "domain").unwrap_or_default();
    let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Browsers send `Origin` with every POST, but `Referer` not from pages whose policy keeps it back, and the other way round before 2020.
    let page = [header(header::ORIGIN), header(header::REFERER)].into_iter().find(|page| page.contains("://")).unwrap_or_default();
    let renewed = cookie_renewal::renewed_cookie(header(header::COOKIE), header(header::HOST), page, &domain);
    let mut response = (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]).into_response();
    if let Some(cookie) = renewed.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
