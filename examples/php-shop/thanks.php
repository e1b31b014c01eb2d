<?php
// The page after an order: the e-mail address of the order identifies the customer.
$title = 'Thank you';
$customer = ['email' => 'johny@shop.example', 'name' => 'Johny Bravo'];
$order = [
    'order_id' => 1001,
    'amount' => '29.90',
    'currency' => 'EUR',
    'items' => [['id' => 312, 'quantity' => 1, 'price' => '29.90']],
];
$events = ['order' => $order];
require 'theme/header.php';
?>
<h1>Thank you</h1>
</body>
</html>
