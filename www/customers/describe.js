// Texts for the entries of a timeline. Pure functions without DOM access.

const count = (number, noun) => `${number} ${noun}${number === 1 ? '' : 's'}`;
const quoted = (text) => `“${text}”`;
const product = ({ product_id: id, name }, names) => name ?? names.get(String(id)) ?? (id === undefined ? 'a product' : `product ${id}`);
const items = ({ lines }) => (Array.isArray(lines) ? count(lines.length, 'product') : '');

/** Returns the path of an address, with its query; the address itself if it is not absolute. */
export const pathOf = (address) => {
  try {
    const { pathname, search } = new URL(address);
    return pathname + search;
  } catch {
    return String(address ?? '');
  }
};

/** Returns the host of an address, or ''. */
export const hostOf = (address) => {
  try {
    return new URL(address).host.replace(/^www\./, '');
  } catch {
    return '';
  }
};

const DESCRIPTIONS = {
  land: ({ source_url: from }) => (hostOf(from) ? `Arrived from ${hostOf(from)}` : 'Arrived'),
  page_view: ({ name, url }) => `Viewed the page ${name ? quoted(name) : pathOf(url)}`,
  article_view: ({ name, id }) => `Read ${name ? quoted(name) : `article ${id}`}`,
  category_view: ({ id }) => `Viewed the category ${quoted(id)}`,
  product_view: (params, names) => `Viewed ${product(params, names)}`,
  search: ({ query }) => `Searched for ${quoted(query)}`,
  basket_add: (params, names) => `Put ${product(params, names)} into the cart (${params.quantity})`,
  basket_remove: (params, names) => `Took ${product(params, names)} out of the cart`,
  basket_update: (params) => (params.lines?.length ? `Changed the cart: ${items(params)}` : 'Emptied the cart'),
  checkout: ({ stage }) => `Went to the checkout${stage ? ` (${stage})` : ''}`,
  order: ({ order_id: id }) => `Placed the order ${id}`,
  order_cancel: ({ order_id: id }) => `Cancelled the order ${id}`,
  order_return: ({ order_id: id }) => `Returned from the order ${id}`,
  identify: ({ email, profile_id: id }) => `Gave ${email ? `the address ${email}` : `the customer number ${id}`}`,
  customer_details: () => 'Gave personal details',
  tag: ({ tags }) => `Was tagged ${[tags].flat().join(', ')}`,
  custom: ({ name }) => `${name}`,
};

/** Returns what the person did, in one line. `names` has the names of products by their ids. */
export const describeEvent = ({ type, params }, names) => DESCRIPTIONS[type]?.(params ?? {}, names) ?? type.replaceAll('_', ' ');

const CHANNELS = {
  paid: 'advertising', email: 'an e-mail', sms: 'a text message', affiliate: 'an affiliate', social: 'social media', search: 'a search',
  assistant: 'an AI assistant', referral: 'a link', campaign: 'a campaign',
};

/** Returns the title of a visit: where it came from. */
export const describeSource = (source) => {
  if (source.channel === 'direct') return 'Direct visit';
  const by = CHANNELS[source.channel] ?? source.channel;
  return [`Visit from ${source.name ?? by}`, source.name && `(${source.channel})`, source.campaign && `campaign ${quoted(source.campaign)}`, source.term && `for ${quoted(source.term)}`]
    .filter(Boolean).join(' ');
};

/** Returns the channel and the name of a first source, such as `paid · instagram`; a dash without one. */
export const formatSource = ({ channel, name } = {}) => [channel, name === channel ? '' : name].filter(Boolean).join(' · ') || '–';

/** Returns a duration such as `3 min`. */
export const describeDuration = (seconds) => {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
};

export { count };
