<?php
/** Returns the script tag for the address and the token of the recipe's function. */
function library(string $folder): string
{
    require_once "$folder/tillroll.php";
    return '<script src="' . COLLECTOR . '/tracking.js?token=' . TOKEN . '"></script>';
}
