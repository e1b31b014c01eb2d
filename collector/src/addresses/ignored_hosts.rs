//! Hosts of payment pages and of sign-in pages: visitors return from them, but they are no source of visits.

/// Pages at which visitors sign in with an account of another service. Each host counts with its subdomains.
const SIGN_IN: &[&str] = &["accounts.google.com", "appleid.apple.com", "login.live.com", "login.microsoftonline.com", "login.yahoo.com"];

/// Domains of payment pages, with all their subdomains.
const PAYMENT: &[&str] = &[
    "2checkout.com",
    "3dsecure.io",
    "acehubpaymentservices.com",
    "adyen.com",
    "affirm.com",
    "afterpay.com",
    "alipay.com",
    "allopass.com",
    "arcot.com",
    "authorize.net",
    "barclaycardsmartpay.com",
    "billpay.de",
    "bitpay.com",
    "borica.bg",
    "braintreegateway.com",
    "cardinalcommerce.com",
    "cashfree.com",
    "ccavenue.com",
    "ccbill.com",
    "checkout.com",
    "checkoutshopper-live.adyen.com",
    "clearpay.co.uk",
    "coinbase.com",
    "computop-paygate.com",
    "datatrans.com",
    "dotpay.pl",
    "easypay.bg",
    "epay.bg",
    "epay.dk",
    "eway.com.au",
    "fastspring.com",
    "flutterwave.com",
    "giropay.de",
    "gocardless.com",
    "hipay.com",
    "icepay.com",
    "ideal.nl",
    "ingenico.com",
    "instamojo.com",
    "iyzipay.com",
    "klarna.com",
    "latitudepay.com",
    "lyra.com",
    "mercadopago.com",
    "mercadopago.com.br",
    "midtrans.com",
    "mobilepay.dk",
    "mollie.com",
    "montonio.com",
    "multisafepay.com",
    "myfatoorah.com",
    "mypos.com",
    "neteller.com",
    "nets.eu",
    "nexi.it",
    "novalnet.de",
    "ogone.com",
    "opayo.co.uk",
    "pagar.me",
    "pagseguro.uol.com.br",
    "pay.amazon.com",
    "pay.google.com",
    "pay.nl",
    "pay.shopify.com",
    "pay.sumup.com",
    "paybox.com",
    "paydirekt.de",
    "payeer.com",
    "payfast.co.za",
    "paymill.com",
    "payone.com",
    "payoneer.com",
    "paypal.com",
    "payplug.com",
    "paysafecard.com",
    "paysera.com",
    "payson.se",
    "paystack.com",
    "paytm.com",
    "paytm.in",
    "paytrail.com",
    "payu.com",
    "payu.in",
    "payu.pl",
    "payu.ro",
    "payzen.eu",
    "paddle.com",
    "przelewy24.pl",
    "quickpay.net",
    "razorpay.com",
    "realexpayments.com",
    "redsys.es",
    "rbsworldpay.com",
    "sagepay.com",
    "saferpay.com",
    "satispay.com",
    "securepay.com.au",
    "secureacceptance.cybersource.com",
    "sezzle.com",
    "sips-services.com",
    "skrill.com",
    "sofort.com",
    "squareup.com",
    "stripe.com",
    "svea.com",
    "swish.nu",
    "tpay.com",
    "trustly.com",
    "twint.ch",
    "vipps.no",
    "viva.com",
    "vivapayments.com",
    "vivawallet.com",
    "wechatpay.com",
    "wirecard.com",
    "worldline-solutions.com",
    "worldpay.com",
    "yookassa.ru",
    "zip.co",
];

/// Returns whether a host, in lower case, is that of a payment page or a sign-in page.
pub(crate) fn is_ignored_host(host: &str) -> bool {
    let ends = host.match_indices('.').map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends).any(|at| host.get(at..).is_some_and(|domain| PAYMENT.contains(&domain) || SIGN_IN.contains(&domain)))
}

#[cfg(test)]
mod tests {
    use super::is_ignored_host;

    #[test]
    fn payment_and_sign_in_pages_are_recognised_with_their_subdomains() {
        for host in ["paypal.com", "www.paypal.com", "checkout.stripe.com", "pay.google.com", "js.klarna.com", "accounts.google.com"] {
            assert!(is_ignored_host(host), "{host}");
        }
        for host in ["google.com", "www.facebook.com", "notpaypal.com", "paypal.com.example", "stripe.com.au.example", ""] {
            assert!(!is_ignored_host(host), "{host}");
        }
    }
}
