// What the Prototype library (1.6, and most of it 1.7) does to built-in objects. Old themes and Magento 1 include that library. Written from
// its observed behaviour; the text is the content of a script of the page.

export const PROTOTYPE_JS = `
  String.prototype.toJSON = function () { return '"' + this + '"'; };
  Array.prototype.toJSON = function () {
    var texts = [];
    for (var at = 0; at < this.length; at++) texts.push(typeof this[at] === "object" ? window.printed(this[at]) : typeof this[at] === "string" ? this[at].toJSON() : this[at]);
    return "[" + texts.join(", ") + "]";
  };
  window.printed = function (value) { return value && value.toJSON ? value.toJSON() : JSON.stringify(value); };
  Array.prototype.each = function () {};
  Array.prototype.reduce = function () { return this.length > 1 ? this : this[0]; };
  Array.from = function (list) { return [].slice.call(list); };
  Object.keys = function (object) { var names = []; for (var name in object) names.push(name); return names; };
  Object.values = function (object) { var values = []; for (var name in object) values.push(object[name]); return values; };
`;
