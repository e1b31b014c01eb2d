// Markers for values that JSON cannot express, such as `{"$": "undefined"}` or an object whose getter throws. The function is
// self-contained, so a test can send its source text to a page and create the hostile values there.

/** Returns `value` with every marker in it replaced by the value that it stands for. */
export const expand = (value) => {
  const fail = () => {
    throw new Error("a hostile value");
  };
  const hostile = { get: fail, has: fail, ownKeys: fail, getPrototypeOf: fail, getOwnPropertyDescriptor: fail };
  const withProperty = (name, descriptor, rest) => Object.defineProperty({ ...rest }, name, { enumerable: true, ...descriptor });
  const make = {
    undefined: () => undefined,
    nan: () => NaN,
    infinity: () => Infinity,
    symbol: () => Symbol("s"),
    bigint: ({ text }) => BigInt(text),
    function: () => () => "never called",
    proxy: () => new Proxy({}, hostile),
    listProxy: () => new Proxy([], hostile),
    revoked: () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      return revoke(), proxy;
    },
    /** An object whose property `name` throws when it is read. */
    throwing: ({ name, rest }) => withProperty(name, { get: fail }, expand(rest ?? {})),
    /** An object that throws when it is converted to a string or number. */
    unprintable: () => ({ toString: fail, valueOf: fail, [Symbol.toPrimitive]: fail }),
    toJsonThrows: ({ rest }) => ({ ...expand(rest ?? {}), toJSON: fail }),
    toJson: ({ value }) => ({ toJSON: () => expand(value) }),
    boxed: ({ value }) => Object(value),
    /** A basket that the page makes: the calls that fill it, and the fields that are assigned. */
    basket: ({ calls, fields }) => {
      const basket = new globalThis.ometria.Basket();
      for (const [name, ...args] of calls) basket[name](...expand(args));
      return Object.assign(basket, expand(fields ?? {}));
    },
    date: ({ time }) => new Date(time),
    bare: ({ rest }) => Object.assign(Object.create(null), expand(rest ?? {})),
    cycle: ({ rest }) => {
      const object = expand(rest ?? {});
      return Object.assign(object, { self: object });
    },
    cyclicList: ({ rest }) => {
      const list = expand(rest ?? []);
      return list.push(list), list;
    },
    sparse: ({ length, at, value }) => Object.assign(new Array(length), { [at]: expand(value) }),
    arguments: ({ values }) => (function () { return arguments; })(...expand(values)),
    map: () => new Map([["name", "never read"]]),
    bytes: ({ length }) => new Uint8Array(length),
    world: () => globalThis,
    half: ({ text }) => text.replace(" ", "\ud800"),
    repeat: ({ text, times }) => text.repeat(times),
    nest: ({ times, inside }) => {
      let nested = expand(inside);
      for (let at = 0; at < times; at++) nested = [nested];
      return nested;
    },
  };
  if (Array.isArray(value)) return value.map((element) => expand(element));
  if (!value || typeof value !== "object") return value;
  if (typeof value.$ === "string") return make[value.$](value);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, expand(member)]));
};
