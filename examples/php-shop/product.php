<?php
// The page of a product, with the button that adds it to the cart.
$product = ['id' => 312, 'name' => 'Shirt "Blue" </script>', 'price' => '29.90', 'url' => '/product.php'];
$title = $product['name'];
$events = ['view_product' => $product];
require 'theme/header.php';
?>
<h1><?= htmlspecialchars($product['name']) ?></h1>
<button id="add" onclick="metrilo.event('add_to_cart', { id: <?= (int) $product['id'] ?>, quantity: 1 })">Add to cart</button>
<a id="order" href="thanks.php">Order</a>
</body>
</html>
