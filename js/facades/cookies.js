// The cookies that shops' servers read, as their vendors documented them.

/** Who the visitor is: an anonymous id, then the e-mail. */
export const VISITOR_COOKIE = "cbuid";

/** The visit, a query string with a `sid`. */
export const SESSION_COOKIE = "ometria";

/** Whether the debug window is open: the cookie as it stands, and what it is written with, for all pages. */
export const DEBUG_COOKIE = "om_debug=1";
export const DEBUG_REACH = ";path=/;samesite=lax";
export const DEBUG_OVER = ";max-age=0";
