//! The device of a request: its type, and the families of browser and system, from the user agent.
//!
//! A device is a number with three parts, so that it takes few bytes in the log. The numbers are permanent: add entries only at the end of a
//! list.

use woothee::parser::Parser;

const TYPES: &[&str] = &["", "desktop", "mobile", "tablet", "tv"];

/// The families of browsers: the name, and its name in the parser's data.
const BROWSERS: [(&str, &str); 14] = [
    ("", ""),
    ("chrome", "Chrome"),
    ("safari", "Safari"),
    ("firefox", "Firefox"),
    ("edge", "Edge"),
    ("opera", "Opera"),
    ("samsung internet", "SamsungBrowser"),
    ("internet explorer", "Internet Explorer"),
    ("vivaldi", "Vivaldi"),
    ("yandex browser", "Yandex Browser"),
    ("uc browser", "UCBrowser"),
    ("google search app", "Google Search App"),
    ("webview", "Webview"),
    ("other", ""),
];

const SYSTEMS: &[&str] = &["", "windows", "macos", "ios", "ipados", "android", "chromeos", "linux", "other"];

/// The most bytes of a user agent that are read.
const MAX_USER_AGENT_BYTES: usize = 512;

/// A device as a number: the type in the lowest three bits, then five bits for the browser and five for the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Device(u32);

impl Device {
    /// Returns the device of a user agent; an unknown one for an empty text.
    pub fn of_user_agent(user_agent: &[u8]) -> Self {
        let text = user_agent.get(..MAX_USER_AGENT_BYTES).unwrap_or(user_agent);
        let Some(text) = std::str::from_utf8(text).ok().filter(|text| !text.is_empty()) else { return Self::default() };
        let parsed = Parser::new().parse(text);
        let name = parsed.as_ref().map_or("", |parsed| parsed.name);
        let browser = browser(text, name);
        let system = system(text, parsed.as_ref().map_or("", |parsed| parsed.os));
        let kind = kind(text, system);
        Self(position(TYPES, kind) | position_of(&BROWSERS, browser) << 3 | position(SYSTEMS, system) << 8)
    }

    /// Returns the device with these names, as an export has them; an unknown part has none. Fails with the first part that has another name.
    pub fn from_names(kind: Option<&str>, browser: Option<&str>, system: Option<&str>) -> Result<Self, UnknownName> {
        let browsers = BROWSERS.map(|(name, _)| name);
        let kind = find("type", TYPES, kind)?;
        let (browser, system) = (find("browser", &browsers, browser)?, find("system", SYSTEMS, system)?);
        Ok(Self(kind | browser << 3 | system << 8))
    }

    /// Returns the device with this number.
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// Returns the number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Returns `desktop`, `mobile`, `tablet` or `tv`; `None` if unknown.
    pub fn kind(self) -> Option<&'static str> {
        TYPES.get(self.part(0, 0b111)).copied().filter(|name| !name.is_empty())
    }

    /// Returns the family of the browser; `None` if unknown.
    pub fn browser(self) -> Option<&'static str> {
        BROWSERS.get(self.part(3, 0b1_1111)).map(|(name, _)| *name).filter(|name| !name.is_empty())
    }

    /// Returns the family of the operating system; `None` if unknown.
    pub fn system(self) -> Option<&'static str> {
        SYSTEMS.get(self.part(8, 0b1_1111)).copied().filter(|name| !name.is_empty())
    }

    fn part(self, shift: u32, mask: u32) -> usize {
        (self.0 >> shift & mask) as usize
    }
}

/// A part of a device that has none of the known names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// `type`, `browser` or `system`.
    pub part: &'static str,
    /// The known names.
    pub known: Vec<&'static str>,
}

fn find(part: &'static str, list: &[&'static str], name: Option<&str>) -> Result<u32, UnknownName> {
    let known = || list.iter().copied().filter(|entry| !entry.is_empty());
    let Some(name) = name else { return Ok(0) };
    if known().any(|entry| entry == name) { Ok(position(list, name)) } else { Err(UnknownName { part, known: known().collect() }) }
}

fn position(list: &[&str], name: &str) -> u32 {
    list.iter().position(|entry| *entry == name).unwrap_or_default() as u32
}

fn position_of(list: &[(&str, &str)], name: &str) -> u32 {
    list.iter().position(|(entry, _)| *entry == name).unwrap_or_default() as u32
}

/// The parser's data predates the names under which Edge and Opera appear on phones.
fn browser(text: &str, parsed: &str) -> &'static str {
    match text {
        _ if ["EdgA/", "EdgiOS/", "Edg/"].iter().any(|name| text.contains(name)) => "edge",
        _ if ["OPR/", "OPT/", "OPX/"].iter().any(|name| text.contains(name)) => "opera",
        _ if text.contains("FxiOS/") => "firefox",
        _ if text.contains("CriOS/") => "chrome",
        _ => BROWSERS.iter().find(|(_, known)| !known.is_empty() && *known == parsed).map_or("other", |(name, _)| *name),
    }
}

fn system(text: &str, parsed: &str) -> &'static str {
    match parsed {
        "iPad" => "ipados",
        "iPhone" | "iPod" | "iOS" => "ios",
        "Android" => "android",
        "ChromeOS" => "chromeos",
        "Mac OSX" | "Mac OS Classic" => "macos",
        "Linux" => "linux",
        _ if parsed.starts_with("Windows") => "windows",
        _ if text.contains("CrOS") => "chromeos",
        _ => "other",
    }
}

/// A tablet with Android has no `Mobile` in its user agent.
fn kind(text: &str, system: &str) -> &'static str {
    let has = |name: &str| text.contains(name);
    match system {
        _ if has("SmartTV") || has("SMART-TV") || has("AppleTV") || has("BRAVIA") || has("Web0S") => "tv",
        "ipados" => "tablet",
        "ios" => "mobile",
        "android" if has("Mobile") => "mobile",
        "android" => "tablet",
        _ if has("Mobile") => "mobile",
        "other" => "",
        _ => "desktop",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_agents_become_families() {
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                [Some("desktop"), Some("chrome"), Some("windows")],
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                [Some("desktop"), Some("edge"), Some("windows")],
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                [Some("mobile"), Some("safari"), Some("ios")],
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.5 Mobile/15E148 Safari/604.1",
                [Some("tablet"), Some("safari"), Some("ipados")],
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
                [Some("mobile"), Some("chrome"), Some("android")],
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/23.0 Chrome/115.0.0.0 Safari/537.36",
                [Some("tablet"), Some("samsung internet"), Some("android")],
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:143.0) Gecko/20100101 Firefox/143.0",
                [Some("desktop"), Some("firefox"), Some("macos")],
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", [Some("desktop"), Some("firefox"), Some("linux")]),
            ("", [None; 3]),
            ("node", [None, Some("other"), Some("other")]),
        ] {
            let device = Device::from_number(Device::of_user_agent(user_agent.as_bytes()).number());
            assert_eq!([device.kind(), device.browser(), device.system()], expected, "{user_agent}");
            assert_eq!(Device::from_names(device.kind(), device.browser(), device.system()), Ok(device), "{user_agent}");
        }
        assert_eq!(Device::of_user_agent(b"\xff"), Device::default());
        for (names, part) in
            [([Some("watch"), None, None], "type"), ([None, Some(""), None], "browser"), ([None, None, Some("iOS")], "system")]
        {
            assert_eq!(Device::from_names(names[0], names[1], names[2]).map_err(|error| error.part), Err(part));
        }
        let unknown = Device::from_number(u32::MAX);
        assert_eq!([unknown.kind(), unknown.browser(), unknown.system()], [None; 3]);
    }
}
