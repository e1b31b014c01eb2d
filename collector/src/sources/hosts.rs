//! The hosts of search engines, social networks, mail programs and AI assistants. An entry covers its subdomains.

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostKind {
    Email,
    Social,
    Search,
    Assistant,
}

use HostKind::{Assistant, Email, Search, Social};

/// Hosts without a top-level domain (`google.`) stand for the host under every top-level domain.
const HOSTS: &[(HostKind, &str, &[&str])] = &[
    // An entry precedes the shorter hosts that it is a part of.
    (Search, "web.de search", &["suche.web.de"]),
    (Search, "gmx search", &["suche.gmx.net", "suche.gmx.at", "suche.gmx.ch", "search.gmx.com"]),
    (Search, "mail.ru search", &["go.mail.ru"]),
    (Email, "gmail", &["mail.google.com", "com.google.android.gm"]),
    (
        Email,
        "outlook",
        &["outlook.live.com", "outlook.office.com", "outlook.office365.com", "mail.live.com", "com.microsoft.office.outlook"],
    ),
    (Email, "yahoo mail", &["mail.yahoo.com", "mail.yahoo.co.jp", "com.yahoo.mobile.client.android.mail"]),
    (Email, "yandex mail", &["mail.yandex.ru", "mail.yandex.com"]),
    (Email, "mail.ru", &["e.mail.ru", "touch.mail.ru"]),
    (Email, "icloud mail", &["mail.icloud.com"]),
    (Email, "aol mail", &["mail.aol.com"]),
    (Email, "proton mail", &["mail.proton.me", "mail.protonmail.com"]),
    (Email, "gmx", &["gmx.net", "gmx.com", "gmx.de", "gmx.at", "gmx.ch"]),
    (Email, "web.de", &["web.de"]),
    (Email, "abv mail", &["abv.bg"]),
    (Email, "fastmail", &["fastmail.com"]),
    (Email, "zoho mail", &["mail.zoho.com", "mail.zoho.eu"]),
    (Email, "orange mail", &["messagerie.orange.fr"]),
    (Email, "libero mail", &["mail.libero.it"]),
    (Email, "seznam mail", &["email.seznam.cz"]),
    (Email, "naver mail", &["mail.naver.com"]),
    (Email, "qq mail", &["mail.qq.com"]),
    (Email, "163 mail", &["mail.163.com", "mail.126.com"]),
    (Email, "t-online mail", &["email.t-online.de"]),
    (Email, "freenet mail", &["webmail.freenet.de"]),
    (Email, "posteo", &["posteo.de"]),
    (Email, "mailbox.org", &["mailbox.org"]),
    (Email, "tuta", &["app.tuta.com", "mail.tutanota.com"]),
    (Email, "hey", &["app.hey.com"]),
    (Email, "wp mail", &["poczta.wp.pl"]),
    (Email, "onet mail", &["poczta.onet.pl"]),
    (Email, "o2 mail", &["poczta.o2.pl"]),
    (Email, "interia mail", &["poczta.interia.pl"]),
    (Email, "centrum mail", &["mail.centrum.cz"]),
    (Email, "mail.bg", &["mail.bg"]),
    (Email, "ukr.net mail", &["mail.ukr.net"]),
    (Email, "rambler mail", &["mail.rambler.ru"]),
    (Email, "free mail", &["webmail.free.fr"]),
    (Email, "sfr mail", &["webmail.sfr.fr", "messagerie.sfr.fr"]),
    (Email, "rediffmail", &["mail.rediff.com"]),
    (Email, "daum mail", &["mail.daum.net"]),
    (Assistant, "chatgpt", &["chatgpt.com", "chat.openai.com", "com.openai.chatgpt"]),
    (Assistant, "claude", &["claude.ai", "com.anthropic.claude"]),
    (Assistant, "gemini", &["gemini.google.com", "bard.google.com"]),
    (Assistant, "notebooklm", &["notebooklm.google.com"]),
    (Assistant, "copilot", &["copilot.microsoft.com", "copilot.cloud.microsoft"]),
    (Assistant, "perplexity", &["perplexity.ai", "ai.perplexity.app.android"]),
    (Assistant, "grok", &["grok.com", "grok.x.ai"]),
    (Assistant, "mistral", &["chat.mistral.ai"]),
    (Assistant, "deepseek", &["chat.deepseek.com", "deepseek.com"]),
    (Assistant, "meta ai", &["meta.ai"]),
    (Assistant, "you", &["you.com"]),
    (Assistant, "phind", &["phind.com"]),
    (Assistant, "poe", &["poe.com"]),
    (Assistant, "kimi", &["kimi.com", "kimi.moonshot.cn"]),
    (Assistant, "doubao", &["doubao.com"]),
    (Assistant, "qwen", &["chat.qwen.ai"]),
    (Assistant, "chatglm", &["chatglm.cn"]),
    (Assistant, "ernie", &["yiyan.baidu.com"]),
    (Assistant, "duck.ai", &["duck.ai"]),
    (Assistant, "genspark", &["genspark.ai"]),
    (Assistant, "felo", &["felo.ai"]),
    (Assistant, "iask", &["iask.ai"]),
    (Assistant, "pi", &["pi.ai"]),
    (Social, "facebook", &["facebook.com", "fb.com", "fb.me", "com.facebook.katana"]),
    (Social, "messenger", &["messenger.com", "m.me", "com.facebook.orca"]),
    (Social, "instagram", &["instagram.com", "com.instagram.android"]),
    (Social, "threads", &["threads.net", "threads.com"]),
    (Social, "whatsapp", &["whatsapp.com", "wa.me", "com.whatsapp"]),
    (Social, "x", &["x.com", "twitter.com", "t.co", "com.twitter.android"]),
    (Social, "linkedin", &["linkedin.com", "lnkd.in", "com.linkedin.android"]),
    (Social, "pinterest", &["pinterest.", "pin.it", "com.pinterest"]),
    (Social, "tiktok", &["tiktok.com", "com.zhiliaoapp.musically"]),
    (Social, "youtube", &["youtube.com", "youtu.be", "com.google.android.youtube"]),
    (Social, "reddit", &["reddit.com", "redd.it", "com.reddit.frontpage"]),
    (Social, "snapchat", &["snapchat.com", "com.snapchat.android"]),
    (Social, "telegram", &["t.me", "telegram.org", "telegram.me", "web.telegram.org", "org.telegram.messenger"]),
    (Social, "discord", &["discord.com", "discord.gg", "discordapp.com"]),
    (Social, "bluesky", &["bsky.app"]),
    (Social, "mastodon", &["mastodon.social", "mastodon.online"]),
    (Social, "tumblr", &["tumblr.com"]),
    (Social, "quora", &["quora.com"]),
    (Social, "vimeo", &["vimeo.com"]),
    (Social, "twitch", &["twitch.tv"]),
    (Social, "medium", &["medium.com"]),
    (Social, "hacker news", &["news.ycombinator.com"]),
    (Social, "vk", &["vk.com", "vk.ru", "vkontakte.ru"]),
    (Social, "ok", &["ok.ru", "odnoklassniki.ru"]),
    (Social, "xing", &["xing.com"]),
    (Social, "weibo", &["weibo.com", "weibo.cn"]),
    (Social, "wechat", &["wechat.com", "weixin.qq.com"]),
    (Social, "line", &["line.me"]),
    (Social, "viber", &["viber.com"]),
    (Social, "slack", &["slack.com"]),
    (Social, "bilibili", &["bilibili.com", "b23.tv"]),
    (Social, "douyin", &["douyin.com"]),
    (Social, "xiaohongshu", &["xiaohongshu.com", "xhslink.com"]),
    (Social, "zalo", &["zalo.me"]),
    (Social, "kakaotalk", &["kakao.com"]),
    (Social, "nextdoor", &["nextdoor."]),
    (Social, "flickr", &["flickr.com"]),
    (Social, "behance", &["behance.net"]),
    (Social, "dribbble", &["dribbble.com"]),
    (Social, "deviantart", &["deviantart.com"]),
    (Social, "product hunt", &["producthunt.com"]),
    (Social, "truth social", &["truthsocial.com"]),
    (Social, "lemon8", &["lemon8-app.com"]),
    (Social, "mixi", &["mixi.jp"]),
    (Search, "google", &["google.", "com.google.android.googlequicksearchbox"]),
    (Search, "bing", &["bing.com"]),
    (Search, "duckduckgo", &["duckduckgo.com"]),
    (Search, "yahoo", &["search.yahoo.com", "search.yahoo.co.jp", "yahoo."]),
    (Search, "ecosia", &["ecosia.org"]),
    (Search, "brave", &["search.brave.com"]),
    (Search, "startpage", &["startpage.com"]),
    (Search, "qwant", &["qwant.com"]),
    (Search, "kagi", &["kagi.com"]),
    (Search, "yandex", &["yandex.", "ya.ru"]),
    (Search, "baidu", &["baidu.com"]),
    (Search, "sogou", &["sogou.com"]),
    (Search, "360 search", &["so.com"]),
    (Search, "naver", &["naver.com"]),
    (Search, "daum", &["daum.net"]),
    (Search, "seznam", &["seznam.cz"]),
    (Search, "aol", &["search.aol.com"]),
    (Search, "ask", &["ask.com"]),
    (Search, "mojeek", &["mojeek.com"]),
    (Search, "swisscows", &["swisscows.com"]),
    (Search, "metager", &["metager.org", "metager.de"]),
    (Search, "presearch", &["presearch.com"]),
    (Search, "dogpile", &["dogpile.com"]),
    (Search, "lycos", &["search.lycos.com"]),
    (Search, "coccoc", &["coccoc.com"]),
    (Search, "rambler", &["rambler.ru"]),
    (Search, "shenma", &["sm.cn"]),
    (Search, "goo", &["goo.ne.jp"]),
    (Search, "t-online search", &["suche.t-online.de"]),
    (Search, "yep", &["yep.com"]),
    (Search, "marginalia", &["search.marginalia.nu"]),
];

/// Returns the kind and the name of a host in lower case, if it is in the list.
pub(super) fn find(host: &str) -> Option<(HostKind, &'static str)> {
    let found = HOSTS.iter().find(|(_, _, entries)| entries.iter().any(|entry| is_host(host, entry)));
    found.map(|(kind, name, _)| (*kind, *name))
}

/// Returns the kind of a source with this name or host, as campaigns name it (`utm_source=facebook`).
pub(super) fn find_named(name: &str) -> Option<(HostKind, &'static str)> {
    let found = HOSTS.iter().find(|(_, known, _)| *known == name).map(|(kind, known, _)| (*kind, *known));
    found.or_else(|| find(name))
}

fn is_host(host: &str, entry: &str) -> bool {
    let is_below = |host: &str, entry: &str| host.strip_suffix(entry).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    match entry.strip_suffix('.') {
        None => is_below(host, entry),
        // `google.de`, `www.google.co.uk`: one or two short labels follow.
        Some(name) => {
            let mut labels: Vec<_> = host.split('.').collect();
            let is_short = |label: &&str| (2..=3).contains(&label.len());
            let last = labels.pop();
            if labels.last().is_some_and(|label| *label != name && is_short(label)) {
                labels.pop();
            }
            last.is_some_and(|last| last.len() >= 2) && labels.last() == Some(&name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_finds_itself_and_no_earlier_one() {
        for (kind, name, entries) in HOSTS {
            for entry in *entries {
                let host = if entry.ends_with('.') { format!("{entry}com") } else { (*entry).to_owned() };
                assert_eq!(find(&host), Some((*kind, *name)), "{entry}");
            }
        }
    }

    #[test]
    fn subdomains_and_all_top_level_domains_count_and_other_hosts_do_not() {
        for (host, expected) in [
            ("www.google.com", Some((Search, "google"))),
            ("google.co.uk", Some((Search, "google"))),
            ("news.google.de", Some((Search, "google"))),
            ("mail.google.com", Some((Email, "gmail"))),
            ("gemini.google.com", Some((Assistant, "gemini"))),
            ("suche.web.de", Some((Search, "web.de search"))),
            ("navigator.web.de", Some((Email, "web.de"))),
            ("l.facebook.com", Some((Social, "facebook"))),
            ("t.co", Some((Social, "x"))),
            ("www.pinterest.co.uk", Some((Social, "pinterest"))),
            ("notgoogle.com", None),
            ("google.evil.example", None),
            ("facebook.com.example", None),
            ("pt.co", None),
            ("shop.example", None),
            ("", None),
        ] {
            assert_eq!(find(host), expected, "{host}");
        }
        assert_eq!(find_named("instagram"), Some((Social, "instagram")));
        assert_eq!(find_named("chatgpt.com"), Some((Assistant, "chatgpt")));
    }
}
