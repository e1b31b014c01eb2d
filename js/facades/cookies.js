// The names of the cookies that shops' servers read, as their vendors documented them.

/** Who the visitor is: an anonymous id, then the e-mail. */
export const VISITOR_COOKIE = "cbuid";

/** The visit, a query string with a `sid`. */
export const SESSION_COOKIE = "ometria";
