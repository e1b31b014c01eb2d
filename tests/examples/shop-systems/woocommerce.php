<?php
// Stand-ins of the functions of WordPress and WooCommerce that the recipe calls. The functions and their arguments are those of the public
// documentation of both.

[, $folder, $page] = $argv;
$hooks = [];
$scheduled = [];

function add_action($name, $callback)
{
    global $hooks;
    $hooks[$name][] = $callback;
}

function do_action($name, ...$arguments)
{
    global $hooks;
    foreach ($hooks[$name] ?? [] as $callback) {
        // WordPress passes one argument unless the caller asks for more.
        $callback($arguments[0] ?? '');
    }
}

function wp_schedule_single_event($time, $name, $arguments)
{
    global $scheduled;
    $scheduled[] = [$name, $arguments];
}

class Stored
{
    public function __construct(private array $values)
    {
    }

    public function __call($name, $arguments)
    {
        return $this->values[$name];
    }
}

function wc_get_order($id)
{
    $item = new Stored(['get_product_id' => 312, 'get_quantity' => 2]);
    return new Stored(['get_billing_email' => 'jo@shop.example', 'get_date_created' => new DateTime(), 'get_total' => '29.90',
        'get_status' => 'completed', 'get_items' => [7 => $item]]);
}

function is_product() { return $GLOBALS['page'] === 'product'; }
function is_product_category() { return $GLOBALS['page'] === 'category'; }
function is_search() { return $GLOBALS['page'] === 'search'; }
function is_checkout() { return in_array($GLOBALS['page'], ['checkout', 'thanks']); }
function is_order_received_page() { return $GLOBALS['page'] === 'thanks'; }
function get_queried_object_id() { return 312; }
function get_search_query($escaped) { return '</script>shirt'; }
function get_search_link() { return 'https://shop.example/?s=shirt'; }
function get_permalink() { return 'https://shop.example/'; }
function wp_get_document_title() { return 'Home'; }
function wp_json_encode($value, $flags) { return json_encode($value, $flags); }
function wp_get_current_user() { return (object) ['user_email' => $GLOBALS['page'] === 'search' ? 'jo@shop.example' : null]; }

require "$folder/tillroll-shop.php";

if ($page === 'order') {
    do_action('woocommerce_order_status_changed', 1001, 'pending', 'completed');
    [[$name, $arguments]] = $scheduled;
    $scheduled = [];
    do_action($name, ...$arguments);
    echo count($scheduled);
    exit;
}
echo '<head>';
do_action('wp_head');
echo '</head><body>';
if ($page === 'product') {
    echo '<form class="cart" target="hidden"><input name="quantity" value="2"><button name="add-to-cart" value="312">Add to cart</button></form><iframe name="hidden"></iframe>';
}
if ($page === 'thanks') {
    do_action('woocommerce_thankyou', 1001);
}
do_action('wp_footer');
