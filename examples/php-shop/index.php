<?php
// The category page.
$title = 'Shirts';
$events = ['view_category' => ['id' => 7, 'name' => 'Shirts']];
require 'theme/header.php';
?>
<h1>Shirts</h1>
<a id="product" href="product.php">Blue shirt</a>
</body>
</html>
