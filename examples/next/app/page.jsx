// The home page, a component of the server.

import Link from "next/link";

export default function Home() {
  return (
    <Link id="product" href="/product/312">
      Blue shirt
    </Link>
  );
}
