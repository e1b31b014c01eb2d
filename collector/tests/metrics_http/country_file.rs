//! Writes small files of countries in MaxMind's format: <https://maxmind.github.io/MaxMind-DB/>.

/// A network of IPv4: its address, and how many of its bits count.
type Network = ([u8; 4], u32);

/// Returns a file in which each of these networks has a country. No network contains another.
pub(crate) fn bytes(countries: &[(Network, &str)]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut nodes: Vec<[Option<Next>; 2]> = vec![[None, None]];
    for (network, code) in countries {
        insert(&mut nodes, *network, data.len());
        map(&mut data, 1);
        text(&mut data, "country");
        map(&mut data, 1);
        text(&mut data, "iso_code");
        text(&mut data, code);
    }
    let mut file = Vec::new();
    for record in nodes.iter().flatten() {
        let number = match record {
            None => nodes.len(),
            Some(Next::Node(node)) => *node,
            Some(Next::Data(offset)) => nodes.len() + 16 + offset,
        };
        file.extend(&u32::try_from(number).unwrap().to_be_bytes()[1..]);
    }
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    metadata(&mut file, u32::try_from(nodes.len()).unwrap());
    file
}

/// Where a bit of an address leads.
#[derive(Clone, Copy)]
enum Next {
    Node(usize),
    /// The offset of the value in the data.
    Data(usize),
}

fn insert(nodes: &mut Vec<[Option<Next>; 2]>, (address, prefix): Network, offset: usize) {
    let bits = u32::from_be_bytes(address);
    let bit = |at: u32| usize::try_from(bits >> (31 - at) & 1).unwrap();
    let mut node = 0;
    for at in 0..prefix - 1 {
        node = match nodes[node][bit(at)] {
            Some(Next::Node(next)) => next,
            _ => {
                nodes.push([None, None]);
                let next = nodes.len() - 1;
                nodes[node][bit(at)] = Some(Next::Node(next));
                next
            }
        };
    }
    nodes[node][bit(prefix - 1)] = Some(Next::Data(offset));
}

fn metadata(file: &mut Vec<u8>, node_count: u32) {
    map(file, 9);
    text(file, "node_count");
    file.push(0xc4);
    file.extend(node_count.to_be_bytes());
    for (name, value) in [("record_size", 24), ("ip_version", 4), ("binary_format_major_version", 2), ("binary_format_minor_version", 0)] {
        text(file, name);
        file.extend([0xa1, value]);
    }
    text(file, "build_epoch");
    file.extend([0x01, 0x02, 1]);
    text(file, "database_type");
    text(file, "Country");
    text(file, "languages");
    file.extend([0x00, 0x04]);
    text(file, "description");
    map(file, 0);
}

fn map(out: &mut Vec<u8>, entries: u8) {
    out.push(0xe0 | entries);
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(0x40 | u8::try_from(text.len()).ok().filter(|length| *length < 29).unwrap());
    out.extend(text.as_bytes());
}
