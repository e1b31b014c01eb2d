// The page of a product, rendered on the server for each request; its button is a component of the browser.

import { AddToBasket } from "./add-to-basket";

export default async function Product({ params }) {
  const { id } = await params;
  return <AddToBasket id={id} />;
}
