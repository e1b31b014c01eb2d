// The root layout, rendered on the server. The tracker is around all pages.

import { Tracker } from "./tracker";

export const metadata = { title: "Shop" };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <Tracker>{children}</Tracker>
      </body>
    </html>
  );
}
