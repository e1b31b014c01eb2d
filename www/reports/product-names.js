// The labels of products: the name, or the id of a product without one.

const NO_NAME = ' (no name)';

/** Returns the label of a product that has a name neither in the catalogue nor in the records. */
export const labelOfId = (id) => `${id}${NO_NAME}`;

/** Returns the condition on the product with this label, if there is a label; `ids` is what the filter calls ids of products. */
export const ofProduct = (label, ids) => {
  if (!label) return undefined;
  return label.endsWith(NO_NAME) ? { [ids]: { in: [label.slice(0, -NO_NAME.length)] } } : { names: { in: [label] } };
};
