// The shop's catalogue: four categories and sixteen products.
//
// Plain data. Ids are strings, as in a shop's database; prices are in euros. `picture` is the id of a symbol in pictures.svg, and `cloth` is the
// colour in which it is drawn.

const catalogue = {
  categories: [
    { id: '1', name: 'Awesome clothing', picture: 'tee', cloth: '#6f9a88', text: 'The plain things you reach for first. Cut once, cut well, and washed before you get them.' },
    { id: '2', name: 'Coats & jackets', picture: 'chore', cloth: '#56779b', text: 'Four layers for four kinds of weather. Each fits over a jumper.' },
    { id: '3', name: 'Knitwear', picture: 'jumper', cloth: '#d9c9a8', text: 'Wool from three farms, knitted in one small mill.' },
    { id: '4', name: 'Bags & accessories', picture: 'tote', cloth: '#d6b98c', text: 'Small things that get used every day.' },
  ],

  products: [
    { id: '2', category: '1', name: 'Awesome T-Shirt', price: 10.42, picture: 'tee', cloth: '#6f9a88', colour: 'Sage', sizes: ['S', 'M', 'L', 'XL'],
      text: 'Our first product, and still the one most people start with. Heavy enough to keep its shape, soft from the first day.',
      details: ['100% organic cotton, 220 g/m²', 'Ribbed neck that stays flat', 'Wash at 40°, dry on the line'] },
    { id: '3', category: '1', name: 'Loopback Sweatshirt', price: 48, picture: 'sweatshirt', cloth: '#c9836b', colour: 'Clay', sizes: ['S', 'M', 'L', 'XL'],
      text: 'A proper sweatshirt with loops inside and nothing printed outside.',
      details: ['Organic cotton loopback, 400 g/m²', 'Ribbed cuffs and hem', 'Wash at 30°'] },
    { id: '4', category: '1', name: 'Everyday Oxford Shirt', price: 59, picture: 'shirt', cloth: '#a9c0d6', colour: 'Light blue', sizes: ['S', 'M', 'L', 'XL'],
      text: 'Smart with a jacket and easy without one. It needs an iron only if you think so.',
      details: ['Cotton oxford, washed', 'Buttons of corozo nut', 'Wash at 40°'] },
    { id: '5', category: '1', name: 'Wide Twill Trousers', price: 72.5, picture: 'trousers', cloth: '#b39a74', colour: 'Khaki', sizes: ['28', '30', '32', '34', '36'],
      text: 'High in the waist and generous in the leg, with pockets that hold a paperback.',
      details: ['Cotton twill, 310 g/m²', 'Button fly', 'Turn-ups can be let down by 5 cm'] },

    { id: '6', category: '2', name: 'Chore Jacket', price: 98, picture: 'chore', cloth: '#56779b', colour: 'Work blue', sizes: ['S', 'M', 'L', 'XL'],
      text: 'Three pockets, five buttons, no fuss. It gets better with every wash.',
      details: ['Cotton moleskin', 'Triple-stitched seams', 'Wash at 30°'] },
    { id: '7', category: '2', name: 'Long Wool Coat', price: 215, picture: 'coat', cloth: '#8d7f75', colour: 'Taupe', sizes: ['S', 'M', 'L'],
      text: 'Warm without weight. The collar turns up and stays up.',
      details: ['Recycled wool, 620 g/m²', 'Fully lined', 'Brush; clean when needed'] },
    { id: '8', category: '2', name: 'Rain Parka', price: 139, picture: 'parka', cloth: '#d3a548', colour: 'Mustard', sizes: ['S', 'M', 'L', 'XL'],
      text: 'For walking the dog in November. Dry inside after three hours of proper rain.',
      details: ['Waxed cotton, taped seams', 'Hood with a stiff peak', 'Wipe clean, wax once a year'] },
    { id: '9', category: '2', name: 'Quilted Vest', price: 84, picture: 'vest', cloth: '#6d7f5f', colour: 'Moss', sizes: ['S', 'M', 'L', 'XL'],
      text: 'Goes under the coat in winter and over the shirt in spring.',
      details: ['Recycled nylon and wool filling', 'Snap buttons', 'Wash at 30°'] },

    { id: '10', category: '3', name: 'Fisherman Jumper', price: 112, picture: 'jumper', cloth: '#d9c9a8', colour: 'Oat', sizes: ['S', 'M', 'L', 'XL'],
      text: 'Cables front and back, and a neck that keeps the wind out.',
      details: ['Undyed British wool', 'Knitted in one piece', 'Wash by hand, dry flat'] },
    { id: '11', category: '3', name: 'Slow Sunday Cardigan', price: 95, picture: 'cardigan', cloth: '#a8626a', colour: 'Berry', sizes: ['S', 'M', 'L'],
      text: 'Two deep pockets and four big buttons. Not to be hurried in.',
      details: ['Merino and alpaca', 'Horn buttons', 'Wash by hand, dry flat'] },
    { id: '12', category: '3', name: 'Dockside Beanie', price: 24, picture: 'beanie', cloth: '#4f7f86', colour: 'Teal',
      text: 'One size, for nearly every head.',
      details: ['Merino rib', 'Wash by hand'] },
    { id: '13', category: '3', name: 'Striped Wool Socks', price: 14.5, picture: 'socks', cloth: '#b5564a', colour: 'Brick', sizes: ['36–40', '41–46'],
      text: 'Knitted thick at heel and toe, where socks wear out first.',
      details: ['Wool and a little nylon', 'Mended free of charge for two years', 'Wash at 30°'] },

    { id: '14', category: '4', name: 'Market Tote', price: 19, picture: 'tote', cloth: '#d6b98c', colour: 'Natural',
      text: 'Carries ten kilos of apples, or one large cat.',
      details: ['Cotton canvas, 500 g/m²', 'Crossed stitching at the handles', 'Wash at 40°'] },
    { id: '15', category: '4', name: 'Day Backpack', price: 89, picture: 'backpack', cloth: '#5f7d6d', colour: 'Pine',
      text: 'Fourteen litres: a laptop, lunch, a jumper and a book.',
      details: ['Waxed canvas', 'Straps of vegetable-tanned leather', 'Wipe clean'] },
    { id: '16', category: '4', name: 'Six-Panel Cap', price: 27, picture: 'cap', cloth: '#7d86a8', colour: 'Dusk',
      text: 'A soft cap with a short peak. It folds into a pocket.',
      details: ['Washed cotton', 'Brass buckle at the back', 'Wash by hand'] },
    { id: '17', category: '4', name: 'Lambswool Scarf', price: 38, picture: 'scarf', cloth: '#c0705a', colour: 'Rust',
      text: 'Long enough to go round twice.',
      details: ['Lambswool', '30 × 190 cm', 'Wash by hand'] },
  ],

  /** Returns the category with this id, or undefined. */
  category(id) {
    return this.categories.find((category) => category.id === id);
  },

  /** Returns the product with this id, or undefined. */
  product(id) {
    return this.products.find((product) => product.id === id);
  },

  /** Returns the products of a category, in the order of the catalogue. */
  productsIn(categoryId) {
    return this.products.filter((product) => product.category === categoryId);
  },

  /** Returns the products whose name, colour and category contain every word of `query`. An empty query matches nothing. */
  find(query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (product) => [product.name, product.colour, this.category(product.category).name].join(' ').toLowerCase();
    return words.length ? this.products.filter((product) => words.every((word) => text(product).includes(word))) : [];
  },
};
